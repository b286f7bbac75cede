/** The domains of one node with their labels read: found, started, ended and forgotten. */
import { createHash } from 'node:crypto';
import type { MachineState } from '../../api/vm-states.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  type ContainerState,
  type InstanceId,
  type InstanceStatus,
  RuntimeError,
} from '../runtime.ts';
import type { Attempts } from './attempts.ts';
import { exitCodeOf, isStarting, isUp, machineStateOf } from './domain-state.ts';
import { type DomainLabels, labelNamespace, readLabels } from './domain-xml.ts';
import type { Domain, DomainInfo, Libvirt } from './libvirt.ts';
import { LiveDomains } from './libvirt-live.ts';
import { dropLostStart } from './lost-start.ts';
import { LibvirtError } from './rpc/connection.ts';

export interface Found {
  readonly domain: Domain;
  readonly labels: DomainLabels;
  readonly info: DomainInfo;
  readonly state: MachineState;
  /** Also while it is paused. */
  readonly running: boolean;
  /** A start of it is under way, or was until libvirtd died: its CPUs have not run yet. */
  readonly starting: boolean;
  /** Halted because a disk could not be written. */
  readonly halted: boolean;
}

/** 128 + SIGKILL. */
const pulled = 137;
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
  /** Domains that were adopted by their instance: their uuid says nothing of it. */
  readonly #adopted = new Map<InstanceId, string>();
  /** All domains were looked at once: whatever was adopted before is known. */
  #adoptedKnown = false;
  /** Those whose memory is being written: libvirt says that they are off before it says that they are saved. */
  readonly #saving = new Set<string>();

  constructor(libvirt: Libvirt, attempts: Attempts, nodeId: string, clock: Clock) {
    this.libvirt = libvirt;
    this.attempts = attempts;
    this.nodeId = nodeId;
    this.clock = clock;
  }

  async list(options: CallOptions): Promise<readonly Found[]> {
    const domains = await this.libvirt.list(options);
    const found = await Promise.all(domains.map((domain) => this.read(domain, options)));
    this.#adoptedKnown = true;
    return found.filter((one) => one !== undefined);
  }

  async find(id: InstanceId, options: CallOptions): Promise<Found | undefined> {
    const known = this.#adopted.get(id) ?? domainUuid(this.nodeId, id);
    const domain = await this.libvirt.find(known, options);
    const found = domain === undefined ? undefined : await this.read(domain, options);
    if (found?.labels.instance === id) return found;
    // libvirt tells nothing of a domain that is being started: who asks for all waits for every start.
    if (this.#adoptedKnown) return undefined;
    return (await this.list(options)).find(({ labels }) => labels.instance === id);
  }

  noteAdopted(id: InstanceId, { uuid }: Domain): void {
    this.#adopted.set(id, uuid);
  }

  /** `undefined` when it is none of ours, or went meanwhile. */
  async read(domain: Domain, options: CallOptions): Promise<Found | undefined> {
    const text = await this.libvirt.metadata(domain, labelNamespace, options);
    if (text === undefined) return undefined;
    const labels = labelsOf(domain, text);
    if (labels?.node !== this.nodeId) return undefined;
    if (labels.adopted !== undefined) this.#adopted.set(labels.instance, domain.uuid);
    const info = await this.libvirt.info(domain, options).catch((error) => {
      if (error instanceof LibvirtError) return undefined;
      throw error;
    });
    if (info === undefined) return undefined;
    const starting = isStarting(info);
    const running = isUp(info) && !starting;
    const halted = info.state === 'paused' && info.reason === 'ioError';
    const saved = !isUp(info) && (await this.#isSaved(domain, options));
    const state = saved ? 'saved' : machineStateOf(info);
    return { domain, labels, info, running, starting, halted, state };
  }

  async status(found: Found): Promise<InstanceStatus> {
    const { running, state, halted, labels, info } = found;
    const { instance, namespace, name, container, attempt, image } = labels;
    const before = await this.attempts.ended(instance, attempt - 1);
    const previousId = this.containerId(found, attempt - 1);
    return {
      id: instance,
      namespace,
      name,
      ips: running ? labels.ips.split(' ').filter((ip) => ip !== '') : [],
      containers: [
        {
          name: container,
          attempt,
          containerId: this.containerId(found),
          image,
          imageId: image === '' ? 'kernel' : `file:${image}`,
          state: await this.#state(found),
          ...(before === undefined ? {} : { previous: { ...before, containerId: previousId } }),
        },
      ],
      machine: {
        state,
        size: { cpus: info.cpus, memoryBytes: info.memoryBytes },
        ...(halted ? { trouble: haltedWords } : {}),
        ...(labels.adopted === undefined ? {} : { unlogged: unloggedWords }),
      },
    };
  }

  containerId({ domain, labels }: Found, attempt = labels.attempt): string {
    return `libvirt://${domain.uuid}/${attempt}`;
  }

  /** Throws `Unavailable` where a start of it is under way, or was lost and is cleared away now. */
  async refuseStarting(found: Found | undefined, options: CallOptions): Promise<void> {
    if (found?.starting !== true) return;
    await this.#dropLostStart(found, options);
    throw startUnderWay();
  }

  /** Throws `Unavailable` where another start of it is under way. */
  async start(domain: Domain, { instance, attempt }: DomainLabels, options: CallOptions) {
    try {
      await this.libvirt.create(domain, options);
    } catch (error) {
      const isRefused = error instanceof LibvirtError;
      if (isRefused && isUp(await this.libvirt.info(domain, options))) throw startUnderWay(error);
      throw error;
    }
    await this.attempts.noteStarted(instance, attempt);
  }

  /** Nothing can be done to it until libvirtd has forgotten it: throws `Unavailable` meanwhile. */
  async #dropLostStart({ domain }: Found, options: CallOptions): Promise<void> {
    if (!(await dropLostStart(this.libvirt.stateDir, domain.name, options))) return;
    const message = 'libvirt had lost a start of the machine, and begins again without it';
    throw new RuntimeError('Unavailable', message);
  }

  /** Its power button, then its agent, then the plug. */
  async stop(found: Found, graceMs: number, options: CallOptions) {
    const { domain, running, starting, labels, state } = found;
    if (!running && !starting) return;
    if (starting) await this.#dropLostStart(found, options);
    // Who is halted feels no button.
    if (state === 'paused' && graceMs > 0) await this.libvirt.resume(domain, options);
    const ask = (by: 'acpi' | 'agent') =>
      this.libvirt.shutdown(domain, by, options).catch((error) => {
        // It has ended meanwhile, or has no agent.
        if (!(error instanceof LibvirtError)) throw error;
      });
    if (running && graceMs > 0) {
      // A guest that is still booting does not feel its button yet.
      for (let leftMs = graceMs * buttonShare; leftMs > 0; leftMs -= pressMs) {
        await ask('acpi');
        if (await this.#untilDown(domain, Math.min(pressMs, leftMs), options)) return;
      }
      await ask('agent');
      if (await this.#untilDown(domain, graceMs * (1 - buttonShare), options)) return;
    }
    if (running) {
      await this.attempts.noteEnd(labels.instance, labels.attempt, this.#end(labels, pulled));
    }
    await this.libvirt.destroy(domain, options);
    if (await this.#untilDown(domain, endWaitMs, options)) return;
    throw new RuntimeError('Unavailable', `${domain.name} does not end, although it was destroyed`);
  }

  /** What somebody else made is left to libvirt, stopped. */
  async forget({ domain, labels }: Found, options: CallOptions): Promise<void> {
    if (labels.adopted === undefined) await this.libvirt.undefine(domain, options);
    else await new LiveDomains(this.libvirt).setLabels(domain, undefined, false, options);
    this.#adopted.delete(labels.instance);
    await this.attempts.remove(labels.instance);
  }

  /** Another start takes the place of this one, wherever that was: its plug is pulled. */
  async noteReplaced(labels: DomainLabels): Promise<void> {
    await this.attempts.noteEnd(labels.instance, labels.attempt, this.#end(labels, pulled));
  }

  /** Writes its memory to disk and ends it. */
  async save({ domain }: Found, options: CallOptions): Promise<void> {
    this.#saving.add(domain.uuid);
    try {
      await this.libvirt.save(domain, options);
    } finally {
      this.#saving.delete(domain.uuid);
    }
  }

  /** What a save has left that libvirtd died in: the guest ran on, and must never go back to it. */
  async dropStaleMemory(id: InstanceId, options: CallOptions): Promise<void> {
    const found = await this.find(id, options);
    if (found?.state !== 'running' || !(await this.libvirt.isSaved(found.domain, options))) return;
    await this.libvirt.discard(found.domain, options);
  }

  async #isSaved(domain: Domain, options: CallOptions): Promise<boolean> {
    if (this.#saving.has(domain.uuid)) return true;
    return await this.libvirt.isSaved(domain, options).catch(gone);
  }

  async #state({ labels, running, starting, state, info }: Found): Promise<ContainerState> {
    const { instance, attempt, startedAtMs } = labels;
    // It has not ended: what starts it goes on with the same attempt.
    if (state === 'saved' || starting) return { phase: 'created' };
    if (running) {
      // Whoever started it may have died before it noted that.
      if (!(await this.attempts.hasStarted(instance, attempt))) {
        await this.attempts.noteStarted(instance, attempt);
      }
      return { phase: 'running', startedAtMs, ...(state === 'paused' ? { paused: true } : {}) };
    }
    const known = await this.attempts.ended(instance, attempt);
    if (known !== undefined) return known;
    const exitCode = exitCodeOf(info, await this.attempts.hasStarted(instance, attempt));
    if (exitCode === undefined) return { phase: 'created' };
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

const haltedWords =
  'the guest is halted: a disk of it could not be written; is the disk of its node full?';

export const unloggedWords =
  'the console of a machine that was adopted is not kept: "berth console" shows it while it runs';

function startUnderWay(cause?: LibvirtError): RuntimeError {
  return new RuntimeError('Unavailable', 'libvirt: a start of the machine is under way', { cause });
}

/** What is asked of a domain that has gone meanwhile has no answer. */
function gone(error: unknown): false {
  if (error instanceof LibvirtError) return false;
  throw error;
}

/** Whose it is. A domain that was made as a copy of another has its labels too, and is nobody's. */
export function labelsOf({ uuid }: Domain, text: string): DomainLabels | undefined {
  const labels = readLabels(text);
  const { node, instance, domain = domainUuid(node, instance) } = labels;
  return domain === uuid ? labels : undefined;
}

/** The same for one instance on one node, always: libvirt finds a domain by it. */
export function domainUuid(nodeId: string, instance: InstanceId): string {
  const hex = createHash('sha256').update(`${nodeId}\0${instance}`).digest('hex');
  const middle = [hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [hex.slice(0, 8), ...middle, hex.slice(20, 32)].join('-');
}
