/** Domains that somebody else made: taken under management, and given away, while they run. */
import { stat } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import type { Adopter } from '../adoptions.ts';
import { containerNameOf } from '../describe.ts';
import { type AdoptableMachine, type Adopting, type InstanceId, RuntimeError } from '../runtime.ts';
import type { KeyedSerial } from '../serial.ts';
import { describeDomain } from './describe.ts';
import { isUp } from './domain-state.ts';
import { type DomainLabels, labelElement, labelNamespace } from './domain-xml.ts';
import type { Domain } from './libvirt.ts';
import { LiveDomains } from './libvirt-live.ts';
import { readLiveMachine } from './live-machine.ts';
import { labelsOf, type Machines } from './machines.ts';

/** Labels of a domain can be changed while it runs: nothing else has to be remembered. */
export class LibvirtAdopting implements Adopting {
  readonly #machines: Machines;
  readonly #serial: KeyedSerial;

  /** `serial` is the driver's own. */
  constructor(machines: Machines, serial: KeyedSerial) {
    this.#machines = machines;
    this.#serial = serial;
  }

  async describe(name: string, options: CallOptions): Promise<AdoptableMachine> {
    const { libvirt } = this.#machines;
    const domain = await this.#present(name, options);
    const owner = await this.#ownerOf(domain, options);
    const refuse = (why: string) => new RuntimeError('InvalidSpec', `domain "${name}" ${why}`);
    if (owner !== undefined) {
      throw refuse(`belongs to vm ${owner.namespace}/${owner.name} already`);
    }
    if (!(await libvirt.isPersistent(domain, options))) {
      throw refuse(
        'is transient, gone when it ends: "virsh define" what "virsh dumpxml" says first',
      );
    }
    const running = isUp(await libvirt.info(domain, options));
    const xml = await new LiveDomains(libvirt).xml(domain, options);
    const { spec, lacking } = describeDomain(xml, running);
    return { target: domain.uuid, name: containerNameOf(domain.name), machine: spec, lacking };
  }

  adopt(target: string, adopter: Adopter, options: CallOptions): Promise<void> {
    return this.#serial.run(adopter.instance, async () => {
      const { libvirt, attempts, clock, nodeId } = this.#machines;
      const domain = await this.#present(target, options);
      const owner = await this.#ownerOf(domain, options);
      if (owner?.instance === adopter.instance) {
        this.#machines.noteAdopted(adopter.instance, domain);
        return;
      }
      if (owner !== undefined) {
        const whose = `vm ${owner.namespace}/${owner.name}`;
        throw new RuntimeError(
          'InvalidSpec',
          `domain "${domain.name}" belongs to ${whose} already`,
        );
      }
      const running = isUp(await libvirt.info(domain, options));
      const live = new LiveDomains(libvirt);
      const { disks } = readLiveMachine(await live.xml(domain, options));
      const isAutostarted = await libvirt.isAutostarted(domain, options);
      const labels: DomainLabels = {
        ...adopter,
        node: nodeId,
        attempt: 0,
        image: disks[0]?.path ?? '',
        startedAtMs: running ? await startOf(domain.name, clock.now()) : 0,
        ips: '',
        fixed: '',
        adopted: isAutostarted ? 'Autostarted' : 'Manual',
        domain: domain.uuid,
      };
      await attempts.prepare(adopter.instance, 0);
      if (running) await attempts.noteStarted(adopter.instance, 0);
      await live.setLabels(domain, labelElement(labels), running, options);
      this.#machines.noteAdopted(adopter.instance, domain);
      // From now on it is Berth that starts it.
      if (isAutostarted) await libvirt.setAutostart(domain, false, options);
    });
  }

  /** Disks that Berth made for it stay where they are. */
  release(id: InstanceId, restarts: boolean, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      const { libvirt } = this.#machines;
      const found = await this.#machines.find(id, options);
      if (found === undefined) return;
      const { domain, labels, info } = found;
      const { adopted } = labels;
      const autostart = adopted === undefined ? restarts : adopted === 'Autostarted';
      if (autostart) await libvirt.setAutostart(domain, true, options);
      await new LiveDomains(libvirt).setLabels(domain, undefined, isUp(info), options);
      if (adopted !== undefined) await this.#machines.attempts.removeNotes(id);
    });
  }

  /** By its name, or its uuid. */
  async #present(name: string, options: CallOptions): Promise<Domain> {
    const { libvirt } = this.#machines;
    const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name);
    const found =
      (await libvirt.named(name, options)) ??
      (isUuid ? await libvirt.find(name, options) : undefined);
    if (found !== undefined) return found;
    throw new RuntimeError('NotFound', `no domain "${name}" on this node: see "virsh list --all"`);
  }

  /** Of another Berth on this libvirt too. */
  async #ownerOf(domain: Domain, options: CallOptions): Promise<DomainLabels | undefined> {
    const text = await this.#machines.libvirt.metadata(domain, labelNamespace, options);
    return text === undefined ? undefined : labelsOf(domain, text);
  }
}

/** libvirt notes the process of a domain when it starts. */
async function startOf(domainName: string, nowMs: number): Promise<number> {
  const note = await stat(`/run/libvirt/qemu/${domainName}.pid`).catch(() => undefined);
  return Math.min(nowMs, Math.floor(note?.mtimeMs ?? nowMs));
}
