/** systemd's manager over D-Bus: calls, jobs that are waited for, and word of units that change. */
import type { Duplex } from 'node:stream';
import { type Message, MessageType, Message as Request, sessionBus } from '@particle/dbus-next';
import type { CallOptions } from '../../lib/call.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { underAny } from '../../lib/under-any.ts';
import { RuntimeError } from '../runtime.ts';

export const systemBusPath = '/run/dbus/system_bus_socket';

const destination = 'org.freedesktop.systemd1';
const managerPath = '/org/freedesktop/systemd1';
const manager = 'org.freedesktop.systemd1.Manager';
const properties = 'org.freedesktop.DBus.Properties';

/** How long systemd may take to answer a call; jobs are waited for apart. */
const answerMs = 30_000;
/** Ends of jobs that nobody has asked for yet. */
const endedJobsMax = 1_000;

/** A refusal of systemd, by its D-Bus name such as `org.freedesktop.systemd1.NoSuchUnit`. */
export class SystemdError extends Error {
  override readonly name = 'SystemdError';
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export interface UnitChange {
  /** Its name. */
  readonly unit: string;
  /** systemd does not have it any more. */
  readonly isGone: boolean;
}

/** One connection to the bus; it is over when `closed` resolves, and then a new one is made. */
export class SystemdBus {
  readonly closed: Promise<void>;
  readonly #bus: ReturnType<typeof sessionBus>;
  readonly #listeners = new Set<(change: UnitChange) => void>();
  readonly #jobs = new Map<string, (result: string) => void>();
  readonly #endedJobs = new Map<string, string>();
  /** Told of the end each; not by `closed`, which would keep every call of a long life. */
  readonly #underWay = new Set<() => void>();
  #lost = false;
  #close: () => void = () => undefined;

  private constructor(bus: ReturnType<typeof sessionBus>) {
    this.#bus = bus;
    this.closed = new Promise((resolve) => {
      this.#close = () => {
        this.#lost = true;
        for (const lose of this.#underWay) lose();
        resolve();
      };
    });
    bus.on('error', () => this.#close());
    // The library tells nobody of the stream's end, and throws where nobody can catch it on half a message.
    const { stream } = (bus as unknown as { readonly _connection: { readonly stream: Duplex } })
      ._connection;
    stream.on('end', () => this.#close());
    withoutHalves(stream);
    bus.on('message', (message: Message) => this.#onMessage(message));
  }

  /** Throws `Unavailable` when there is no bus, or no systemd on it. */
  static async connect(path: string, { signal }: CallOptions): Promise<SystemdBus> {
    const options = { busAddress: `unix:path=${path}`, authMethods: ['EXTERNAL' as const] };
    const connection = new SystemdBus(sessionBus(options));
    try {
      const matches = [
        `type='signal',sender='${destination}',interface='${manager}'`,
        `type='signal',sender='${destination}',interface='${properties}',path_namespace='${managerPath}/unit'`,
      ];
      for (const match of matches) await connection.#addMatch(match, { signal });
      await connection.call('Subscribe', '', [], { signal });
      return connection;
    } catch (error) {
      connection.close();
      if (signal.aborted) throw signal.reason;
      const why = error instanceof Error ? error.message : String(error);
      throw new RuntimeError('Unavailable', `systemd cannot be reached at ${path}: ${why}`, {
        cause: error,
      });
    }
  }

  get lost(): boolean {
    return this.#lost;
  }

  close(): void {
    this.#bus.disconnect();
    this.#close();
  }

  /** Calls a method of the manager; throws `SystemdError`, or `Unavailable` when the bus went. */
  call(
    member: string,
    signature: string,
    body: readonly unknown[],
    options: CallOptions,
  ): Promise<readonly unknown[]> {
    return this.#send({ path: managerPath, interface: manager, member, signature, body }, options);
  }

  /** Calls a method that queues a job, and resolves with the job's result, as `done` or `failed`. */
  async runJob(
    member: string,
    signature: string,
    body: readonly unknown[],
    options: CallOptions,
  ): Promise<string> {
    const [job] = await this.call(member, signature, body, options);
    // The signature of the answer is `o`.
    const path = job as string;
    const known = this.#endedJobs.get(path);
    if (known !== undefined) return known;
    const ended = new Promise<string>((resolve) => this.#jobs.set(path, resolve));
    try {
      return await this.#orLost(ended, options);
    } finally {
      this.#jobs.delete(path);
    }
  }

  /** Every property of a unit, of all its interfaces. */
  async propertiesOf(path: string, options: CallOptions): Promise<UnitProperties> {
    const [all] = await this.#send(
      { path, interface: properties, member: 'GetAll', signature: 's', body: [''] },
      options,
    );
    // The signature of the answer is `a{sv}`.
    return new UnitProperties(all as Readonly<Record<string, { readonly value: unknown }>>);
  }

  async property(path: string, of: string, name: string, options: CallOptions): Promise<unknown> {
    const [found] = await this.#send(
      { path, interface: properties, member: 'Get', signature: 'ss', body: [of, name] },
      options,
    );
    // The signature of the answer is `v`.
    return (found as { readonly value: unknown }).value;
  }

  managerProperty(name: string, options: CallOptions): Promise<unknown> {
    return this.property(managerPath, manager, name, options);
  }

  /** The returned function ends it. */
  onChange(listener: (change: UnitChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #addMatch(rule: string, options: CallOptions): Promise<void> {
    const call = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'AddMatch',
      signature: 's',
      body: [rule],
    };
    await this.#send(call, options);
  }

  async #send(
    call: {
      readonly destination?: string;
      readonly path: string;
      readonly interface: string;
      readonly member: string;
      readonly signature: string;
      readonly body: readonly unknown[];
    },
    options: CallOptions,
  ): Promise<readonly unknown[]> {
    const request = new Request({ destination, ...call, body: [...call.body] });
    try {
      const answer = await underAny([options.signal, AbortSignal.timeout(answerMs)], (signal) =>
        this.#orLost(this.#bus.call(request), { signal }),
      );
      return answer?.body ?? [];
    } catch (error) {
      // The library's error carries systemd's name for it.
      const { type, text } = error as { readonly type?: unknown; readonly text?: unknown };
      if (typeof type === 'string') throw new SystemdError(type, String(text));
      if (options.signal.aborted || error instanceof RuntimeError) throw error;
      throw new RuntimeError('Unavailable', `systemd did not answer ${call.member}`, {
        cause: error,
      });
    }
  }

  /** Rejects when the connection ends first, which the library itself does not tell. */
  async #orLost<T>(work: Promise<T>, { signal }: CallOptions): Promise<T> {
    let lose: () => void = () => undefined;
    const lost = new Promise<never>((_, reject) => {
      lose = () => reject(new RuntimeError('Unavailable', 'the connection to systemd was lost'));
    });
    if (this.#lost) lose();
    this.#underWay.add(lose);
    try {
      return await orAborted(Promise.race([work, lost]), signal);
    } finally {
      this.#underWay.delete(lose);
    }
  }

  #onMessage({ type, member, path, body }: Message): void {
    if (type !== MessageType.SIGNAL) return;
    if (member === 'JobRemoved') {
      // Signature `uoss`: id, job, unit, result.
      const [, job, unit, result] = body as [number, string, string, string];
      this.#endedJobs.set(job, result);
      if (this.#endedJobs.size > endedJobsMax) {
        for (const oldest of this.#endedJobs.keys()) {
          this.#endedJobs.delete(oldest);
          break;
        }
      }
      this.#jobs.get(job)?.(result);
      this.#tell({ unit, isGone: false });
    } else if (member === 'UnitNew' || member === 'UnitRemoved') {
      // Signature `so`: unit, path.
      const [unit] = body as [string, string];
      this.#tell({ unit, isGone: member === 'UnitRemoved' });
    } else if (member === 'PropertiesChanged') {
      this.#tell({ unit: unitOfPath(path), isGone: false });
    }
  }

  #tell(change: UnitChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** In paths systemd writes all but letters and digits in hexadecimal. */
function unitOfPath(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.replace(/_([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** At its end a stream gives less than was asked for: nothing is read then. */
function withoutHalves(stream: Duplex): void {
  const read = stream.read.bind(stream);
  stream.read = (size) => {
    const chunk: Uint8Array | null = read(size);
    return chunk !== null && size !== undefined && chunk.length < size ? null : chunk;
  };
}

/** Typed reading of what `GetAll` answers; what is missing reads as the type's zero. */
export class UnitProperties {
  readonly #all: Readonly<Record<string, { readonly value: unknown }>>;

  constructor(all: Readonly<Record<string, { readonly value: unknown }>>) {
    this.#all = all;
  }

  /** Whether it is a list with anything in it. */
  has(name: string): boolean {
    const value = this.#all[name]?.value;
    return Array.isArray(value) && value.length > 0;
  }

  text(name: string): string {
    const value = this.#all[name]?.value;
    return typeof value === 'string' ? value : '';
  }

  /** Signatures `i`, `u` and `t`; the last come as bigint. */
  number(name: string): number {
    const value = this.#all[name]?.value;
    return typeof value === 'bigint' ? Number(value) : typeof value === 'number' ? value : 0;
  }

  bigint(name: string): bigint {
    const value = this.#all[name]?.value;
    return typeof value === 'bigint' ? value : BigInt(typeof value === 'number' ? value : 0);
  }

  /** Signature `as`. */
  texts(name: string): readonly string[] {
    const value = this.#all[name]?.value;
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** Signature `a(sasbttttuii)`, as `ExecStart` has it: the arguments of each command, with its program first. */
  commands(name: string): readonly (readonly string[])[] {
    const value = this.#all[name]?.value;
    if (!Array.isArray(value)) return [];
    return value.map((each) => {
      const [path, argv] = each as [string, readonly string[]];
      return [path, ...argv.slice(1)];
    });
  }

  /** Signature `aay`, each entry as UTF-8. */
  blobs(name: string): readonly string[] {
    const value = this.#all[name]?.value;
    if (!Array.isArray(value)) return [];
    return value.map((each) => Buffer.from(each as Uint8Array).toString('utf8'));
  }
}
