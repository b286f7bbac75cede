/** What Berth asks of libvirt, with its numbers named; one connection, made anew when it has ended. */
import { dirname, join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  Connection,
  LibvirtError,
  program,
  type Stream,
  type StreamHandler,
} from './rpc/connection.ts';
import { procedures } from './rpc/procedures.ts';
import { type XdrReader, XdrWriter } from './rpc/xdr.ts';

export const libvirtSocket = '/var/run/libvirt/libvirt-sock';
const uri = 'qemu:///system';

/** Names a domain; its id is -1 while it does not run. */
export interface Domain {
  readonly name: string;
  readonly uuid: string;
  readonly id: number;
}

/** Source: virDomainState. */
const states = [
  'nostate',
  'running',
  'blocked',
  'paused',
  'shutdown',
  'shutoff',
  'crashed',
  'pmsuspended',
] as const;
export type DomainState = (typeof states)[number];

/** Source: virDomainPausedReason, virDomainShutoffReason. */
const reasons: Partial<Record<DomainState, Readonly<Record<number, StateReason>>>> = {
  paused: { 2: 'migration', 5: 'ioError', 11: 'startingUp' },
  shutoff: { 1: 'shutdown', 2: 'destroyed', 3: 'crashed', 5: 'saved', 8: 'daemon' },
};
/** Why a domain is paused or off; `other` is also what nobody here asks for. */
export type StateReason =
  | 'migration'
  | 'ioError'
  | 'startingUp'
  | 'shutdown'
  | 'destroyed'
  | 'crashed'
  | 'saved'
  | 'daemon'
  | 'other';

export interface DomainInfo {
  readonly state: DomainState;
  readonly reason: StateReason;
  readonly maxMemoryBytes: bigint;
  readonly memoryBytes: bigint;
  readonly cpus: number;
  readonly cpuNanos: bigint;
}

/** Source: virErrorNumber. */
export const errorCode = {
  operationInvalid: 55,
  noDomain: 42,
  noSnapshot: 72,
  noMetadata: 80,
} as const;

/** Whether a change holds for the running machine, for its next start, or both. */
export const affect = { live: 1, config: 2 } as const;
const metadataElement = 2;
const undefineFlags = { managedSave: 1, snapshotsMetadata: 2, nvram: 4 } as const;
const shutdownBy = { acpi: 1, agent: 2 } as const;
const lifecycleEvent = 0;

export class Libvirt {
  readonly #clock: Clock;
  readonly #socketPath: string;
  /** Connections on which events were asked for. */
  readonly #asked = new WeakMap<Connection, Promise<void>>();
  #connection: Promise<Connection> | undefined;

  constructor(clock: Clock, socketPath = libvirtSocket) {
    this.#clock = clock;
    this.#socketPath = socketPath;
  }

  /** Where libvirt keeps what it knows of machines that run. */
  get stateDir(): string {
    return join(dirname(this.#socketPath), 'qemu');
  }

  /** Throws `Unavailable`. */
  async connection(): Promise<Connection> {
    const last = this.#connection;
    const known = await last?.catch(() => undefined);
    if (known !== undefined && !known.over) return known;
    // Somebody else was quicker.
    if (this.#connection !== last) return await this.connection();
    // Not the caller's signal: others may wait for the same connection.
    const { signal } = new AbortController();
    this.#connection = Connection.open(this.#socketPath, uri, { signal, clock: this.#clock });
    return await this.#connection;
  }

  async close(): Promise<void> {
    (await this.#connection?.catch(() => undefined))?.close();
  }

  /** Of libvirt itself, as `9.0.0`. */
  async version(options: CallOptions): Promise<string> {
    const reply = await (await this.connection()).call(
      'CONNECT_GET_LIB_VERSION',
      undefined,
      options,
    );
    const number = Number(reply.hyper());
    return [number / 1_000_000, (number / 1_000) % 1_000, number % 1_000].map(Math.floor).join('.');
  }

  async list(options: CallOptions): Promise<readonly Domain[]> {
    const body = new XdrWriter().int(1).uint(0);
    const reply = await (await this.connection()).call('CONNECT_LIST_ALL_DOMAINS', body, options);
    return Array.from({ length: reply.uint() }, () => readDomain(reply));
  }

  /** `undefined` when there is none. */
  async find(uuid: string, options: CallOptions): Promise<Domain | undefined> {
    const body = new XdrWriter().fixed(uuidBytes(uuid));
    try {
      const reply = await (await this.connection()).call('DOMAIN_LOOKUP_BY_UUID', body, options);
      return readDomain(reply);
    } catch (error) {
      if (hasCode(error, errorCode.noDomain)) return undefined;
      throw error;
    }
  }

  /** `undefined` when there is none. */
  async named(name: string, options: CallOptions): Promise<Domain | undefined> {
    const body = new XdrWriter().string(name);
    try {
      return readDomain(await this.call('DOMAIN_LOOKUP_BY_NAME', body, options));
    } catch (error) {
      if (hasCode(error, errorCode.noDomain)) return undefined;
      throw error;
    }
  }

  /** Whether libvirt knows it also while it does not run. */
  async isPersistent(domain: Domain, options: CallOptions): Promise<boolean> {
    return (await this.call('DOMAIN_IS_PERSISTENT', writeDomain(domain), options)).int() === 1;
  }

  /** Whether libvirt starts it by itself when the machine boots. */
  async isAutostarted(domain: Domain, options: CallOptions): Promise<boolean> {
    return (await this.call('DOMAIN_GET_AUTOSTART', writeDomain(domain), options)).int() === 1;
  }

  async setAutostart(domain: Domain, on: boolean, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_SET_AUTOSTART', writeDomain(domain).int(on ? 1 : 0), options);
  }

  /** What stands in the element of that namespace; `undefined` when there is none. */
  async metadata(domain: Domain, ns: string, options: CallOptions): Promise<string | undefined> {
    const body = writeDomain(domain).int(metadataElement).optionalString(ns).uint(0);
    try {
      const reply = await (await this.connection()).call('DOMAIN_GET_METADATA', body, options);
      return reply.string();
    } catch (error) {
      if (hasCode(error, errorCode.noMetadata, errorCode.noDomain)) return undefined;
      throw error;
    }
  }

  async info(domain: Domain, options: CallOptions): Promise<DomainInfo> {
    const reply = await this.call('DOMAIN_GET_INFO', writeDomain(domain), options);
    const state = states[reply.uint()] ?? 'nostate';
    // Memory is told in KiB.
    const maxMemoryBytes = reply.hyper() * 1_024n;
    const memoryBytes = reply.hyper() * 1_024n;
    const rest = { maxMemoryBytes, memoryBytes, cpus: reply.uint(), cpuNanos: reply.hyper() };
    if (!(state in reasons)) return { state, reason: 'other', ...rest };
    return { ...(await this.#state(domain, options)), ...rest };
  }

  async #state(
    domain: Domain,
    options: CallOptions,
  ): Promise<Pick<DomainInfo, 'state' | 'reason'>> {
    const body = writeDomain(domain).uint(0);
    const reply = await this.call('DOMAIN_GET_STATE', body, options);
    const state = states[reply.int()] ?? 'nostate';
    return { state, reason: reasons[state]?.[reply.int()] ?? 'other' };
  }

  /** Makes a domain, or changes what holds from its next start on. */
  async define(xml: string, options: CallOptions): Promise<Domain> {
    const body = new XdrWriter().string(xml);
    return readDomain(await (await this.connection()).call('DOMAIN_DEFINE_XML', body, options));
  }

  /** Starts it; from its saved memory where there is some. */
  async create(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_CREATE', writeDomain(domain), options);
  }

  /** Asks the guest to end: by its power button, or by its agent. */
  async shutdown(domain: Domain, by: keyof typeof shutdownBy, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_SHUTDOWN_FLAGS', writeDomain(domain).uint(shutdownBy[by]), options);
  }

  /** Pulls the plug. Resolves also when it does not run. */
  async destroy(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_DESTROY', writeDomain(domain), options).catch((error) => {
      if (!hasCode(error, errorCode.operationInvalid, errorCode.noDomain)) throw error;
    });
  }

  /** Halts it where it is. */
  async suspend(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_SUSPEND', writeDomain(domain), options);
  }

  async resume(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_RESUME', writeDomain(domain), options);
  }

  /** Asks the guest to boot anew. */
  async reboot(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_REBOOT', writeDomain(domain).uint(0), options);
  }

  /** Presses its reset button: the guest is not asked. */
  async reset(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_RESET', writeDomain(domain).uint(0), options);
  }

  /** Ends it with its memory on disk; the next `create` goes on from there. */
  async save(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_MANAGED_SAVE', writeDomain(domain).uint(0), options);
  }

  async isSaved(domain: Domain, options: CallOptions): Promise<boolean> {
    const body = writeDomain(domain).uint(0);
    const reply = await (await this.connection()).call(
      'DOMAIN_HAS_MANAGED_SAVE_IMAGE',
      body,
      options,
    );
    return reply.int() === 1;
  }

  async discard(domain: Domain, options: CallOptions): Promise<void> {
    await this.call('DOMAIN_MANAGED_SAVE_REMOVE', writeDomain(domain).uint(0), options);
  }

  /** Forgets it with its saved memory and its snapshots; its disks are left. */
  async undefine(domain: Domain, options: CallOptions): Promise<void> {
    const flags = undefineFlags.managedSave | undefineFlags.snapshotsMetadata | undefineFlags.nvram;
    const body = writeDomain(domain).uint(flags);
    await this.call('DOMAIN_UNDEFINE_FLAGS', body, options).catch((error) => {
      if (!hasCode(error, errorCode.noDomain)) throw error;
    });
  }

  /** Moves the CPUs of the running machine, and what serves them, to these of the node. */
  async pin(domain: Domain, cpus: number, on: readonly number[], options: CallOptions) {
    const map = Buffer.alloc(Math.floor(Math.max(0, ...on) / 8) + 1);
    for (const cpu of on) map[cpu >> 3] = (map[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    for (let vcpu = 0; vcpu < cpus; vcpu += 1) {
      const body = writeDomain(domain).uint(vcpu).opaque(map).uint(affect.live);
      await this.call('DOMAIN_PIN_VCPU_FLAGS', body, options);
    }
    const emulator = writeDomain(domain).opaque(map).uint(affect.live);
    await this.call('DOMAIN_PIN_EMULATOR', emulator, options);
  }

  /** A command of the guest's agent (QMP's JSON); throws when none answers within `timeoutMs`. */
  async agent(
    domain: Domain,
    command: { readonly execute: string; readonly arguments?: unknown },
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<unknown> {
    const seconds = Math.max(1, Math.ceil(options.timeoutMs / 1_000));
    const body = writeDomain(domain).string(JSON.stringify(command)).int(seconds).uint(0);
    const call = { ...options, program: program.qemu };
    const connection = await this.connection();
    const reply = await connection.call('QEMU_DOMAIN_AGENT_COMMAND', body, call);
    // The agent answers with an object that has the result in `return`.
    const answer = JSON.parse(reply.optionalString() ?? '{}') as { readonly return?: unknown };
    return answer.return;
  }

  /** Its serial console; whoever had it before loses it. */
  async console(domain: Domain, handler: StreamHandler, options: CallOptions): Promise<Stream> {
    const force = 1;
    const body = writeDomain(domain).optionalString(undefined).uint(force);
    const connection = await this.connection();
    return await connection.openStream('DOMAIN_OPEN_CONSOLE', body, handler, options);
  }

  /** Tells of each domain that starts, ends, pauses or is changed; `closed` says that no more come. */
  async watch(
    onDomain: (uuid: string) => void,
    options: CallOptions,
  ): Promise<{ readonly closed: Promise<void>; readonly stop: () => void }> {
    const connection = await this.connection();
    options.signal.throwIfAborted();
    const stop = connection.onEvent((procedure, body) => {
      if (procedure !== procedures.DOMAIN_EVENT_CALLBACK_LIFECYCLE) return;
      body.int(); // Which registration it belongs to.
      onDomain(readDomain(body).uuid);
    });
    try {
      await this.#askForEvents(connection);
    } catch (error) {
      stop();
      throw error;
    }
    return { closed: connection.closed, stop };
  }

  /** Once for each connection: libvirt refuses a second time. */
  #askForEvents(connection: Connection): Promise<void> {
    const asked = this.#asked.get(connection) ?? askForEvents(connection);
    this.#asked.set(connection, asked);
    return asked;
  }

  /** For what stands in files beside this one. */
  async call(
    procedure: Parameters<Connection['call']>[0],
    body: XdrWriter,
    options: CallOptions,
  ): Promise<XdrReader> {
    return await (await this.connection()).call(procedure, body, options);
  }
}

async function askForEvents(connection: Connection): Promise<void> {
  const body = new XdrWriter().int(lifecycleEvent).int(0);
  // Not the caller's signal: others may wait for the same.
  const { signal } = new AbortController();
  await connection.call('CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', body, { signal });
}

export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof LibvirtError && codes.includes(error.code);
}

export function writeDomain({ name, uuid, id }: Domain): XdrWriter {
  return new XdrWriter().string(name).fixed(uuidBytes(uuid)).int(id);
}

export function readDomain(reader: XdrReader): Domain {
  const name = reader.string();
  const hex = reader.fixed(16).toString('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return { name, uuid: [...uuid, hex.slice(20)].join('-'), id: reader.int() };
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
