/**
 * The process that answers names, and guests that ask for their address, on its own: it outlives the agent, which tells it where to
 * listen and what names mean. While no agent is there it answers from its table.
 */
import { rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { CallOptions } from '../../../lib/call.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Log } from '../../../lib/log.ts';
import { underAny } from '../../../lib/under-any.ts';
import { DhcpServer } from '../../dhcp/dhcp-server.ts';
import { DnsServer, type PlaceState } from '../dns-server.ts';
import { createForward } from '../forward.ts';
import type { Known } from '../zone.ts';
import { type FromKeeper, listen, say, type ToKeeper } from './messages.ts';
import { NameTable } from './name-table.ts';

export interface NameKeeperOptions {
  /** Where agents reach it. */
  readonly socketPath: string;
  readonly tablePath: string;
  /** Which program this is: an agent of another one replaces it. */
  readonly build: string;
  /** Of another one, which lets go of its addresses soon. */
  readonly takesOver: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** @default 53 */
  readonly port?: number;
}

/** Longer than that no agent is waited for. */
const agentMs = 1_500;
/** How often it is looked whether there is still somebody to answer, and what has changed is written. */
const lookMs = 1_000;
/** With no agent and no instance on the node. */
const idleMs = 10_000;
/** How long one that is replaced answers on. */
const replacedMs = 1_500;
/** How long its predecessor may still have the addresses, and how often they are tried then and later. */
const takeoverMs = 5_000;
const hurriedMs = 100;
const restedMs = 1_000;

/** Resolves when nobody needs it any more, `signal` aborts, or another one is there. */
export async function runNameKeeper(options: NameKeeperOptions): Promise<void> {
  if (await isAnswered(options.socketPath)) return;
  const table = await NameTable.load(options.tablePath, options.log);
  const keeper = new NameKeeper(options, table);
  await keeper.run();
}

class NameKeeper {
  readonly #options: NameKeeperOptions;
  readonly #table: NameTable;
  readonly #dns: DnsServer;
  readonly #dhcp: DhcpServer;
  readonly #server: Server;
  readonly #end = new AbortController();
  readonly #asked = new Map<number, (known: Known) => void>();
  readonly #sinceMs: number;
  #agent: Socket | undefined;
  #lastSeenMs: number;
  #nextId = 1;
  /** Of its socket, while agents are to find it there. */
  #inode: number | undefined;
  #states = '';

  constructor(options: NameKeeperOptions, table: NameTable) {
    const { clock, log, port } = options;
    this.#options = options;
    this.#table = table;
    this.#sinceMs = clock.now();
    this.#lastSeenMs = this.#sinceMs;
    this.#dns = new DnsServer({
      find: (namespace, name, call) => this.#find(namespace, name, call),
      forward: createForward(),
      clock,
      log,
      ...(port === undefined ? {} : { port }),
      onState: () => this.#tellStates(),
      retryMs: () => (this.#isNew() ? hurriedMs : restedMs),
    });
    this.#dhcp = new DhcpServer({ clock, log });
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  async run(): Promise<void> {
    await underAny([this.#options.signal, this.#end.signal], (ending) => this.#serve(ending));
  }

  async #serve(ending: AbortSignal): Promise<void> {
    const { socketPath, clock } = this.#options;
    await listenAt(this.#server, socketPath);
    this.#inode = await inodeOf(socketPath);
    this.#listenWhereTold();
    this.#dhcp.setLeases(this.#table.leases);
    const serving = Promise.all([
      this.#dns.run({ signal: ending }),
      this.#dhcp.run({ signal: ending }),
    ]);
    while (!ending.aborted) {
      await clock.sleep(lookMs, ending).catch(() => undefined);
      await this.#save();
      this.#tellStates();
      if (await this.#isForgotten()) this.#end.abort();
    }
    this.#agent?.destroy();
    this.#server.close();
    await serving;
    await this.#save();
  }

  #welcome(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#agent !== socket) return;
      this.#agent = undefined;
      this.#lastSeenMs = this.#options.clock.now();
      for (const answer of this.#asked.values()) answer({ type: 'unknown' });
    });
    listen<ToKeeper>(socket, (message) => this.#hear(message, socket));
  }

  #hear(message: ToKeeper, socket: Socket): void {
    switch (message.type) {
      case 'hello':
        // The newest agent counts.
        this.#agent?.destroy();
        this.#agent = socket;
        this.#states = '';
        this.#tell({ type: 'hello', build: this.#options.build });
        return;
      case 'places': {
        const listed = new Set(message.places.map(({ address }) => address));
        // Those of before go on: an agent that has just begun does not know all yet.
        const others = this.#table.places.filter(
          ({ address }) => !listed.has(address) && this.#dns.stateOf(address) === 'serving',
        );
        this.#table.setPlaces([...message.places, ...others]);
        this.#listenWhereTold();
        this.#tellStates();
        return;
      }
      case 'own':
        this.#table.setOwn(message.own);
        return;
      case 'leases':
        this.#table.setLeases(message.leases);
        this.#dhcp.setLeases(message.leases);
        return;
      case 'found':
        this.#asked.get(message.id)?.(message.known);
        return;
      case 'replace':
        void this.#makeWay();
        return;
      case 'quit':
        this.#end.abort();
        return;
    }
  }

  /** The next one reads the table, and makes its own socket under the same name. */
  async #makeWay(): Promise<void> {
    const { clock } = this.#options;
    await this.#save();
    this.#inode = undefined;
    this.#server.close();
    this.#agent?.destroy();
    await clock.sleep(replacedMs, this.#end.signal).catch(() => undefined);
    this.#end.abort();
  }

  async #save(): Promise<void> {
    const { log } = this.#options;
    await this.#table.save().catch((error) => log.warn({ err: error }, 'names not saved'));
  }

  #tell(message: FromKeeper): void {
    if (this.#agent !== undefined) say(this.#agent, message);
  }

  #tellStates(): void {
    const states = Object.fromEntries(
      this.#table.places.map(({ address }): [string, PlaceState] => {
        // Its predecessor lets go of them soon.
        if (this.#isNew() && this.#dns.isTaken(address)) return [address, 'waiting'];
        return [address, this.#dns.stateOf(address) ?? 'waiting'];
      }),
    );
    const told = JSON.stringify(states);
    if (told === this.#states || this.#agent === undefined) return;
    this.#states = told;
    this.#tell({ type: 'states', states });
  }

  #isNew(): boolean {
    const { clock, takesOver } = this.#options;
    return takesOver && clock.now() - this.#sinceMs < takeoverMs;
  }

  #listenWhereTold(): void {
    for (const { address } of this.#table.places) {
      const upstream = () =>
        this.#table.places.find((each) => each.address === address)?.upstream ?? [];
      this.#dns.listenOn(address, upstream);
    }
  }

  async #find(namespace: string, name: string, { signal }: CallOptions): Promise<Known> {
    const key = `${namespace}/${name}`;
    const known = await this.#ask(namespace, name, signal);
    this.#table.note(key, known);
    return known.type === 'unknown' ? this.#table.find(key) : known;
  }

  /** `unknown` when there is no agent, or it does not answer. */
  async #ask(namespace: string, name: string, signal: AbortSignal): Promise<Known> {
    const agent = this.#agent;
    if (agent === undefined) return { type: 'unknown' };
    const id = this.#nextId;
    this.#nextId += 1;
    const answered = (over: AbortSignal) =>
      new Promise<Known>((resolve) => {
        over.addEventListener('abort', () => resolve({ type: 'unknown' }), { once: true });
        this.#asked.set(id, resolve);
        say<FromKeeper>(agent, { type: 'find', id, namespace, name });
      });
    try {
      return await underAny([signal, AbortSignal.timeout(agentMs)], answered);
    } finally {
      this.#asked.delete(id);
    }
  }

  /** Its directory or its socket was removed, another one is found there, or nobody is left who could ask. */
  async #isForgotten(): Promise<boolean> {
    const { tablePath, socketPath, clock } = this.#options;
    const inode = this.#inode;
    if (inode !== undefined && (await inodeOf(socketPath)) !== inode) return true;
    const isThere = await stat(dirname(tablePath)).then(
      () => true,
      () => false,
    );
    if (!isThere) return true;
    if (this.#agent !== undefined || this.#table.instances > 0) return false;
    return clock.now() - this.#lastSeenMs > idleMs;
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}

/** Whether a keeper is there already. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A socket that nobody listens at is one of a keeper that was killed. */
async function listenAt(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}
