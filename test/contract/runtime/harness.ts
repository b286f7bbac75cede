/** What the runtime contract is run against, and the shorthands its tests are written in. */
import { randomUUID } from 'node:crypto';
import type {
  ContainerSpec,
  ContainerState,
  ContainerStatus,
  ExecOptions,
  InstanceSpec,
  InstanceStatus,
  LogOptions,
  Runtime,
  RuntimeGap,
} from '../../../runtime/runtime.ts';

/** What the suite's containers do; a real engine runs commands, the fake plays them. */
export type Program = Pick<ContainerSpec, 'command' | 'args'>;

interface Programs {
  /** Runs for ever; ends at once when asked. */
  readonly sleeper: Program;
  /** Runs for ever and does not listen to SIGTERM. */
  readonly deaf: Program;
  /** Ends at once with code 7. */
  readonly exit7: Program;
  /** Prints `one`, `two`, `three`, and `oops` on stderr; then as `sleeper`. */
  readonly printer: Program;
  /** Prints `tick`, and ends with code 0 half a second later after `tock`. */
  readonly ticker: Program;
  /** Prints 1, 2, 3 and so on, twenty in a second, for ever. */
  readonly counter: Program;
  /** On SIGTERM prints `bye` and ends with code 3. */
  readonly polite: Program;
  /** Prints `$GREETING|<second argument>|<working directory>|<user id>|<host name>`. */
  readonly introducer: Program;
  /** Prints what /mnt/file holds, then `written` or `refused` after trying to write to it. */
  readonly writer: Program;
  /** Answers `pong` on port 8099 of localhost, for ever. */
  readonly server: Program;
  /** Prints what port 8099 of localhost answers, as soon as it does; then as `sleeper`. */
  readonly client: Program;
  /**
   * Says `heard <line>` for each line of its input, and nothing else of its own accord; for `size`
   * the terminal's `rows columns`, for `warn` `careful` on stderr; ends with its input, or at `end`.
   */
  readonly listener: Program;
}

interface ExecCommands {
  /** Copies its input to its output until the input ends. */
  readonly cat: readonly string[];
  /** Reads a line, then prints the terminal's `rows columns`. */
  readonly size: readonly string[];
}

export interface RuntimeHarness {
  /** A new driver over the same engine. */
  open(nodeId: string): Runtime;
  readonly image: string;
  readonly programs: Programs;
  readonly commands: ExecCommands;
  /** What the engine still holds of that node: containers, networks, volumes. */
  leftovers(nodeId: string): Promise<readonly string[]>;
}

const patienceMs = 50_000;
export const signal = new AbortController().signal;

/** What each test works with, and the shorthands it does it by. */
export class Context {
  harness!: RuntimeHarness;
  runtime!: Runtime;
  nodeId = '';
  readonly gaps: readonly RuntimeGap[];

  constructor(gaps: readonly RuntimeGap[]) {
    this.gaps = gaps;
  }

  can(what: RuntimeGap): boolean {
    return !this.gaps.includes(what);
  }

  container(name: string, program: Program, more: Partial<ContainerSpec> = {}): ContainerSpec {
    return {
      name,
      attempt: 0,
      image: this.harness.image,
      ...program,
      env: {},
      tty: false,
      stdin: false,
      privileged: false,
      readOnlyRootFilesystem: false,
      ports: [],
      mounts: [],
      limits: {},
      ...more,
    };
  }

  spec(...containers: ContainerSpec[]): InstanceSpec {
    const id = randomUUID();
    return {
      id,
      namespace: 'test',
      name: 'web',
      hostname: 'web-host',
      network: 'bridge',
      containers,
    };
  }

  /** One instance with one container `main`. */
  one(program: Program, more: Partial<ContainerSpec> = {}): InstanceSpec {
    return this.spec(this.container('main', program, more));
  }

  ensure(spec: InstanceSpec): Promise<InstanceStatus> {
    return this.runtime.ensure(spec, { signal });
  }

  async state(id: string, name = 'main'): Promise<ContainerState | undefined> {
    return find(await this.runtime.get(id, { signal }), name)?.state;
  }

  async untilExited(id: string, name = 'main') {
    return await until(async () => {
      const state = await this.state(id, name);
      return state?.phase === 'exited' ? state : undefined;
    });
  }

  async log(id: string, more: Partial<LogOptions> = {}) {
    const options = {
      container: 'main',
      previous: false,
      follow: false,
      timestamps: false,
      signal,
    };
    const text = { stdout: '', stderr: '' };
    for await (const { stream, data } of this.runtime.logs(id, { ...options, ...more })) {
      text[stream] += Buffer.from(data).toString('utf8');
    }
    return text;
  }

  untilLogged(id: string, text: string, more: Partial<LogOptions> = {}): Promise<string> {
    return until(async () => {
      const { stdout } = await this.log(id, more);
      return stdout.includes(text) ? stdout : undefined;
    });
  }

  exec(id: string, command: readonly string[], more: Partial<ExecOptions> = {}) {
    const options = { container: 'main', command, tty: false, stdin: false, signal };
    return this.runtime.exec(id, { ...options, ...more });
  }
}

export function find(
  status: InstanceStatus | undefined,
  name = 'main',
): ContainerStatus | undefined {
  return status?.containers.find((one) => one.name === name);
}

export async function until<T>(probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += Buffer.from(chunk).toString('utf8');
  return all;
}
