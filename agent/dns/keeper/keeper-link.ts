/** The agent's end: has a keeper of names running, tells it what there is, and answers what it asks. */
import { connect, type Socket } from 'node:net';
import type { CallOptions } from '../../../lib/call.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Log } from '../../../lib/log.ts';
import type { DhcpLease } from '../../dhcp/message.ts';
import type { PlaceState } from '../dns-server.ts';
import type { Known } from '../zone.ts';
import {
  type FromKeeper,
  listen,
  type OwnNames,
  type ServedPlace,
  say,
  type ToKeeper,
} from './messages.ts';

/** How the process is had. */
export interface KeeperProgram {
  readonly socketPath: string;
  /** Which program it is; a keeper of another one is replaced. */
  readonly build: string;
  /** Starts one that goes on when the agent has ended; another one that is there already ends it again. */
  start(takesOver: boolean): void;
}

export interface KeeperLinkOptions {
  readonly program: KeeperProgram;
  readonly find: (namespace: string, name: string, options: CallOptions) => Promise<Known>;
  readonly clock: Clock;
  readonly log: Log;
}

const nothingSent = { places: '', own: '', leases: '' };
const retryMs = 50;
/** One that was started and is not there by then is started again. */
const startMs = 10_000;

export class KeeperLink {
  readonly #options: KeeperLinkOptions;
  #socket: Socket | undefined;
  #places: readonly ServedPlace[] = [];
  /** Undefined until the node has been told what it runs. */
  #own: OwnNames | undefined;
  #leases: readonly DhcpLease[] = [];
  /** As they were last sent. */
  #sent = nothingSent;
  #states: Readonly<Record<string, PlaceState>> = {};

  constructor(options: KeeperLinkOptions) {
    this.#options = options;
  }

  /** Undefined while the keeper has not told. */
  stateOf(address: string): PlaceState | undefined {
    return this.#states[address];
  }

  setPlaces(places: readonly ServedPlace[]): void {
    this.#places = places;
    this.#send();
  }

  /** All that this node knows by itself. */
  setOwn(own: OwnNames, leases: readonly DhcpLease[]): void {
    this.#own = own;
    this.#leases = leases;
    this.#send();
  }

  /** Until `signal` aborts. The keeper goes on then, unless the node has nobody who could ask it. */
  async run({ signal }: CallOptions): Promise<void> {
    const { clock, log, program } = this.#options;
    let startedMs = Number.NEGATIVE_INFINITY;
    let takesOver = false;
    while (!signal.aborted) {
      const socket = await connected(program.socketPath);
      if (socket !== undefined) {
        const build = await this.#serve(socket, signal);
        if (signal.aborted) break;
        takesOver = build !== undefined && build !== program.build;
        startedMs = Number.NEGATIVE_INFINITY;
        log.info({ replaced: takesOver }, 'the keeper of names has ended');
      } else if (clock.now() - startedMs > startMs) {
        startedMs = clock.now();
        program.start(takesOver);
      }
      await clock.sleep(retryMs, signal).catch(() => undefined);
    }
  }

  /** Until the connection ends; what the keeper is built from, if it has told. */
  async #serve(socket: Socket, signal: AbortSignal): Promise<string | undefined> {
    const { program } = this.#options;
    let build: string | undefined;
    const leave = () => {
      if (this.#own?.instances === 0) say<ToKeeper>(socket, { type: 'quit' });
      socket.end();
    };
    await new Promise<void>((resolve) => {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => resolve());
      signal.addEventListener('abort', leave, { once: true });
      listen<FromKeeper>(socket, (message) => {
        switch (message.type) {
          case 'hello':
            build = message.build;
            if (build === program.build) this.#begin(socket);
            // It ends the connection when the next one can begin.
            else say<ToKeeper>(socket, { type: 'replace' });
            return;
          case 'find':
            void this.#answer(socket, message, signal);
            return;
          case 'states':
            this.#states = message.states;
            return;
        }
      });
      say<ToKeeper>(socket, { type: 'hello' });
      if (signal.aborted) leave();
    });
    signal.removeEventListener('abort', leave);
    this.#socket = undefined;
    return build;
  }

  #begin(socket: Socket): void {
    this.#socket = socket;
    this.#sent = nothingSent;
    this.#send();
  }

  /** Only what is new to it. */
  #send(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const [places, own] = [JSON.stringify(this.#places), JSON.stringify(this.#own ?? '')];
    const leases = JSON.stringify(this.#leases);
    const before = this.#sent;
    this.#sent = { places, own, leases };
    if (places !== before.places) say<ToKeeper>(socket, { type: 'places', places: this.#places });
    // What it has from before stays until the node has been told what it runs.
    if (this.#own === undefined) return;
    if (own !== before.own) say<ToKeeper>(socket, { type: 'own', own: this.#own });
    if (leases !== before.leases) say<ToKeeper>(socket, { type: 'leases', leases: this.#leases });
  }

  async #answer(
    socket: Socket,
    { id, namespace, name }: Extract<FromKeeper, { type: 'find' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const known = await this.#options
      .find(namespace, name, { signal })
      .catch((): Known => ({ type: 'unknown' }));
    say<ToKeeper>(socket, { type: 'found', id, known });
  }
}

/** Undefined when nobody is there. */
function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const failed = () => resolve(undefined);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}
