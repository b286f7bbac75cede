/** The domains of one node with their labels read: found, started, ended and forgotten. */
import { createHash } from 'node:crypto';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { MachineSpec } from '../machine.ts';
import { announceAddress, checkAddressIsFree } from '../network/probe.ts';
import { ensureSegment } from '../network/segment.ts';
import {
  type ContainerSpec,
  type ContainerState,
  type InstanceId,
  type InstanceSpec,
  type InstanceStatus,
  RuntimeError,
} from '../runtime.ts';
import { shortId } from '../short-id.ts';
import type { Attempts } from './attempts.ts';
import {
  type DomainLabels,
  domainXml,
  type Hypervisor,
  labelNamespace,
  readLabels,
} from './domain-xml.ts';
import type { Domain, DomainInfo, Libvirt } from './libvirt.ts';
import { LibvirtError } from './rpc/connection.ts';

export interface Found {
  readonly domain: Domain;
  readonly labels: DomainLabels;
  readonly info: DomainInfo;
  /** Also while it is paused. */
  readonly running: boolean;
}

const pollMs = { first: 20, max: 250 } as const;
/** A guest that does not heed its power button is asked once more, by its agent, after this part of the grace. */
const buttonShare = 0.5;
/** How often the button is pressed. */
const pressMs = 4_000;
const endWaitMs = 10_000;

export class Machines {
  readonly attempts: Attempts;
  readonly libvirt: Libvirt;
  readonly nodeId: string;
  readonly clock: Clock;

  constructor(libvirt: Libvirt, attempts: Attempts, nodeId: string, clock: Clock) {
    this.libvirt = libvirt;
    this.attempts = attempts;
    this.nodeId = nodeId;
    this.clock = clock;
  }

  async list(options: CallOptions): Promise<readonly Found[]> {
    const domains = await this.libvirt.list(options);
    const found = await Promise.all(domains.map((domain) => this.read(domain, options)));
    return found.filter((one) => one !== undefined);
  }

  async find(id: InstanceId, options: CallOptions): Promise<Found | undefined> {
    const domain = await this.libvirt.find(domainUuid(this.nodeId, id), options);
    return domain === undefined ? undefined : await this.read(domain, options);
  }

  /** `undefined` when it is none of ours, or went meanwhile. */
  async read(domain: Domain, options: CallOptions): Promise<Found | undefined> {
    const text = await this.libvirt.metadata(domain, labelNamespace, options);
    if (text === undefined) return undefined;
    const labels = readLabels(text);
    if (labels.node !== this.nodeId) return undefined;
    const info = await this.libvirt.info(domain, options).catch((error) => {
      if (error instanceof LibvirtError) return undefined;
      throw error;
    });
    if (info === undefined) return undefined;
    return { domain, labels, info, running: isUp(info) };
  }

  async status({ labels, running, info }: Found): Promise<InstanceStatus> {
    const { instance, namespace, name, container, attempt, image } = labels;
    const before = await this.attempts.ended(instance, attempt - 1);
    const previousId = this.containerId({ ...labels, attempt: attempt - 1 });
    return {
      id: instance,
      namespace,
      name,
      ips: running ? labels.ips.split(' ').filter((ip) => ip !== '') : [],
      containers: [
        {
          name: container,
          attempt,
          containerId: this.containerId(labels),
          image,
          imageId: image === '' ? 'kernel' : `file:${image}`,
          state: await this.#state(labels, running, info),
          ...(before === undefined ? {} : { previous: { ...before, containerId: previousId } }),
        },
      ],
    };
  }

  containerId({ instance, attempt }: DomainLabels): string {
    return `libvirt://${domainUuid(this.nodeId, instance)}/${attempt}`;
  }

  /** Its power button, then its agent, then the plug. */
  async stop({ domain, running, labels }: Found, graceMs: number, options: CallOptions) {
    if (!running) return;
    const ask = (by: 'acpi' | 'agent') =>
      this.libvirt.shutdown(domain, by, options).catch((error) => {
        // It has ended meanwhile, or has no agent.
        if (!(error instanceof LibvirtError)) throw error;
      });
    if (graceMs > 0) {
      // A guest that is still booting does not feel its button yet.
      for (let leftMs = graceMs * buttonShare; leftMs > 0; leftMs -= pressMs) {
        await ask('acpi');
        if (await this.#untilDown(domain, Math.min(pressMs, leftMs), options)) return;
      }
      await ask('agent');
      if (await this.#untilDown(domain, graceMs * (1 - buttonShare), options)) return;
    }
    await this.attempts.noteEnd(labels.instance, labels.attempt, this.#end(labels, 137));
    await this.libvirt.destroy(domain, options);
    if (await this.#untilDown(domain, endWaitMs, options)) return;
    throw new RuntimeError('Unavailable', `${domain.name} does not end, although it was destroyed`);
  }

  async forget({ domain, labels }: Found, options: CallOptions): Promise<void> {
    await this.libvirt.undefine(domain, options);
    await this.attempts.remove(labels.instance);
  }

  async #state(labels: DomainLabels, running: boolean, info: DomainInfo): Promise<ContainerState> {
    const { instance, attempt, startedAtMs } = labels;
    if (running) return { phase: 'running', startedAtMs };
    if (!(await this.attempts.hasStarted(instance, attempt))) return { phase: 'created' };
    const known = await this.attempts.ended(instance, attempt);
    if (known !== undefined) return known;
    const exitCode = info.state === 'crashed' ? 1 : 0;
    return await this.attempts.noteEnd(instance, attempt, this.#end(labels, exitCode));
  }

  #end({ startedAtMs }: DomainLabels, exitCode: number) {
    const finishedAtMs = Math.max(startedAtMs, this.clock.now());
    return { phase: 'exited', exitCode, oomKilled: false, startedAtMs, finishedAtMs } as const;
  }

  async #untilDown(domain: Domain, withinMs: number, options: CallOptions): Promise<boolean> {
    const untilMs = this.clock.now() + withinMs;
    for (let waitMs: number = pollMs.first; ; waitMs = Math.min(waitMs * 2, pollMs.max)) {
      const found = await this.libvirt.find(domain.uuid, options);
      if (found === undefined || !isUp(await this.libvirt.info(found, options))) return true;
      const leftMs = untilMs - this.clock.now();
      if (leftMs <= 0) return false;
      await this.clock.sleep(Math.min(waitMs, leftMs), options.signal);
    }
  }
}

/** Brings the domain of one instance to `spec`; the caller runs it once at a time per instance. */
export async function ensureMachine(
  machines: Machines,
  spec: InstanceSpec,
  hypervisor: Hypervisor,
  options: CallOptions,
): Promise<Found> {
  const { machine, container } = checkSpec(spec);
  const found = await machines.find(spec.id, options);
  if (found !== undefined) {
    const { state } = (await machines.status(found)).containers[0] ?? {};
    if (state?.phase !== 'created' && found.labels.attempt >= container.attempt) return found;
    await machines.stop(found, 0, options);
  }
  const { libvirt, attempts, nodeId, clock } = machines;
  const { attempt } = container;
  await takeAddresses(machines, spec, machine, options);
  await attempts.prepare(spec.id, attempt);
  await attempts.forget(spec.id, attempt);
  const labels: DomainLabels = {
    node: nodeId,
    instance: spec.id,
    namespace: spec.namespace,
    name: spec.name,
    container: container.name,
    attempt,
    image: container.image,
    startedAtMs: clock.now(),
    ips: machine.interfaces.flatMap(({ ip }) => ip ?? []).join(' '),
  };
  const files = {
    consoleLog: attempts.consoleLog(spec.id, attempt),
    vncSocket: `${attempts.directory(spec.id)}/vnc.sock`,
  };
  const uuid = domainUuid(nodeId, spec.id);
  const whole = { ...spec, machine };
  const xml = domainXml(uuid, domainName(uuid, spec), labels, whole, container, hypervisor, files);
  let domain: Domain | undefined;
  try {
    domain = await libvirt.define(xml, options);
    await libvirt.create(domain, options);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    if (domain !== undefined) {
      await libvirt.undefine(domain, options);
      await attempts.forget(spec.id, attempt);
    }
    const reason = domain === undefined ? 'InvalidSpec' : 'StartFailed';
    throw new RuntimeError(reason, error.message, { container: container.name, cause: error });
  }
  const started = await machines.find(spec.id, options);
  if (started !== undefined) return started;
  throw new RuntimeError('StartFailed', 'the machine was removed while it was started', {
    container: container.name,
  });
}

/** Says on the wire that the machine has its addresses now: while it boots it says nothing itself. */
async function takeAddresses(
  { nodeId }: Machines,
  { id }: InstanceSpec,
  { interfaces }: MachineSpec,
  options: CallOptions,
): Promise<void> {
  for (const [index, { network }] of interfaces.entries()) {
    if (network === undefined) continue;
    const key = shortId(nodeId, `${id}/${index}`);
    const bridge = await ensureSegment(network, options);
    await checkAddressIsFree(network, bridge, key, options);
    await announceAddress(network, bridge, key, options);
  }
}

function checkSpec({ machine, containers }: InstanceSpec): {
  readonly machine: MachineSpec;
  readonly container: ContainerSpec;
} {
  const [container, ...more] = containers;
  if (machine === undefined || container === undefined || more.length > 0) {
    const message = 'libvirt runs virtual machines only: say what you want in a VM, not in a Pod';
    throw new RuntimeError('InvalidSpec', message, {
      ...(container === undefined ? {} : { container: container.name }),
    });
  }
  return { machine, container };
}

function isUp({ state }: DomainInfo): boolean {
  return state !== 'shutoff' && state !== 'crashed' && state !== 'nostate';
}

/** For people; libvirt wants it to be unique on the machine. */
function domainName(uuid: string, { namespace, name }: InstanceSpec): string {
  return `berth_${namespace}_${name}_${uuid.slice(0, 8)}`;
}

/** The same for one instance on one node, always: libvirt finds a domain by it. */
export function domainUuid(nodeId: string, instance: InstanceId): string {
  const hex = createHash('sha256').update(`${nodeId}\0${instance}`).digest('hex');
  const middle = [hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [hex.slice(0, 8), ...middle, hex.slice(20, 32)].join('-');
}
