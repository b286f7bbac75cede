import { setMaxListeners } from 'node:events';
import { PassThrough, type Readable, Writable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import type {
  AttachOptions,
  AttachSession,
  ContainerSpec,
  ContainerState,
  LogChunk,
} from '../runtime.ts';
import { LogBuffer } from './log-buffer.ts';

/** A simulated process, as the program that plays it sees it. */
export interface FakeProcess {
  readonly argv: readonly string[];
  readonly container: ContainerSpec;
  readonly hostname: string;
  readonly stdin: Readable | undefined;
  /** Aborts when it is asked to end (SIGTERM). */
  readonly term: AbortSignal;
  /** Aborts when it is killed; the program's own exit code no longer counts. */
  readonly killed: AbortSignal;
  /** What answers on which port of localhost; shared by the containers of one instance. */
  readonly localhost: Map<number, string>;
  /** Of the terminal; changes on resize. */
  readonly size: { columns: number; rows: number };
  print(text: string, stream?: LogChunk['stream']): void;
}

/** Plays a process; resolves with its exit code. */
export type FakeProgram = (process: FakeProcess) => Promise<number>;

/** Runs until it is asked to end, then ends as a process without a handler does. */
export const sleeper: FakeProgram = async ({ term, killed }) => {
  await aborted(AbortSignal.any([term, killed]));
  return 143;
};

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export interface FakeContainerOptions {
  readonly spec: ContainerSpec;
  readonly containerId: string;
  readonly hostname: string;
  readonly localhost: Map<number, string>;
  readonly clock: Clock;
  readonly program: FakeProgram;
  readonly onExit: () => void;
}

/** One attempt of one container: its simulated process, its state and its log. */
export class FakeContainer {
  readonly spec: ContainerSpec;
  readonly containerId: string;
  readonly log = new LogBuffer();
  state: ContainerState;
  readonly #options: FakeContainerOptions;
  readonly #term = new AbortController();
  readonly #killed = new AbortController();
  readonly #ended: Promise<void>;
  readonly #stdin: PassThrough | undefined;
  readonly #size = { columns: 80, rows: 24 };
  readonly #attached = new Set<Record<LogChunk['stream'], PassThrough>>();
  /** Present while it is halted; aborts when it goes on. */
  #halt: AbortController | undefined;
  readonly #unsaid: (() => void)[] = [];
  #forced: { readonly exitCode: number; readonly oomKilled: boolean } | undefined;

  constructor(options: FakeContainerOptions) {
    // Every process inside it listens.
    setMaxListeners(0, this.#killed.signal);
    this.#options = options;
    this.spec = options.spec;
    this.containerId = options.containerId;
    this.state = { phase: 'running', startedAtMs: options.clock.now() };
    this.#stdin = options.spec.stdin ? new PassThrough() : undefined;
    this.#ended = this.#run();
  }

  /** Aborts when all that runs in it is killed. */
  get killed(): AbortSignal {
    return this.#killed.signal;
  }

  /** SIGTERM, and SIGKILL when it still runs after `graceMs`. */
  async stop(graceMs: number, signal: AbortSignal): Promise<void> {
    if (this.state.phase !== 'running') return;
    this.setPaused(false);
    this.#term.abort();
    const done = new AbortController();
    const grace = this.#options.clock.sleep(graceMs, AbortSignal.any([signal, done.signal]));
    await Promise.race([this.#ended, grace.catch(() => undefined)]);
    done.abort();
    signal.throwIfAborted();
    await this.kill({ exitCode: 137, oomKilled: false });
  }

  /** Ends it with a given result, whatever its program does. */
  async kill(result: { readonly exitCode: number; readonly oomKilled: boolean }): Promise<void> {
    this.#forced = result;
    this.setPaused(false);
    this.#killed.abort();
    await this.#ended;
  }

  /** Whether that is something new. The program plays on; what it says, and its end, is seen later. */
  setPaused(paused: boolean): boolean {
    if (this.state.phase !== 'running' || (this.#halt !== undefined) === paused) return false;
    const { startedAtMs } = this.state;
    this.state = { phase: 'running', startedAtMs, ...(paused ? { paused } : {}) };
    this.#halt?.abort();
    this.#halt = paused ? new AbortController() : undefined;
    for (const say of this.#unsaid.splice(0)) say();
    return true;
  }

  attach(options: AttachOptions): AttachSession {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const outputs = { stdout, stderr };
    this.#attached.add(outputs);
    const cut = aborted(options.signal).then(() => Promise.reject(options.signal.reason));
    const ended = Promise.race([this.#ended, cut]).finally(() => {
      this.#attached.delete(outputs);
      if (this.spec.stdinOnce) this.#stdin?.end();
      stdout.end();
      stderr.end();
    });
    ended.catch(() => undefined);
    const resize: AttachSession['resize'] = async (to) => void Object.assign(this.#size, to);
    const stdin = options.stdin ? this.#input() : undefined;
    return { stdin, stdout, stderr, ended, resize };
  }

  #input(): Writable | undefined {
    const stdin = this.#stdin;
    if (stdin === undefined) return undefined;
    return new Writable({
      write: (chunk, _encoding, done) => void stdin.write(chunk, (error) => done(error)),
      final: (done) => {
        if (this.spec.stdinOnce) stdin.end();
        done();
      },
    });
  }

  /** Resolves with its exit code; lets an exec session share signals and files. */
  process(argv: readonly string[], extra: Partial<FakeProcess> = {}): FakeProcess {
    const { clock, hostname, localhost } = this.#options;
    return {
      argv,
      container: this.spec,
      hostname,
      localhost,
      stdin: this.#stdin,
      term: this.#term.signal,
      killed: this.#killed.signal,
      size: this.#size,
      print: (text, stream = 'stdout') => {
        const say = () => {
          this.log.add({ atMs: clock.now(), stream, text });
          for (const each of this.#attached) {
            each[this.spec.tty ? 'stdout' : stream].write(`${text}\n`);
          }
        };
        if (this.#halt === undefined) say();
        else this.#unsaid.push(say);
      },
      ...extra,
    };
  }

  async #run(): Promise<void> {
    const argv = [...(this.spec.command ?? []), ...(this.spec.args ?? [])];
    const killed = aborted(this.#killed.signal).then(() => 137);
    const code = await Promise.race([this.#options.program(this.process(argv)), killed]);
    while (this.#halt !== undefined) await aborted(this.#halt.signal);
    const startedAtMs = this.state.phase === 'running' ? this.state.startedAtMs : 0;
    this.state = {
      phase: 'exited',
      oomKilled: false,
      ...(this.#forced ?? { exitCode: code }),
      startedAtMs,
      finishedAtMs: this.#options.clock.now(),
    };
    this.log.end();
    this.#options.onExit();
  }
}
