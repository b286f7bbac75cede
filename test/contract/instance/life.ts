/** One instance that is led through its life, whatever it is: a container, a process, a machine. */
import { randomUUID } from 'node:crypto';
import {
  type ContainerStatus,
  type ExecOptions,
  type InstanceSpec,
  type InstanceStatus,
  type LogOptions,
  type Runtime,
  RuntimeError,
  type RuntimeGap,
} from '../../../runtime/runtime.ts';
import { until } from '../../e2e/until.ts';

export const signal = new AbortController().signal;

/** What is asked of a driver that it cannot do. */
export interface Refusal {
  readonly gap: RuntimeGap;
  ask(runtime: Runtime, spec: InstanceSpec): Promise<unknown>;
  /** The field, and what to do instead. */
  readonly words: RegExp;
}

export interface InstanceHarness {
  /** How long it may take until it is up. */
  readonly bootMs: number;
  readonly gaps: readonly RuntimeGap[];
  readonly refusals: readonly Refusal[];
  /** Name of its one container. */
  readonly container: string;
  /** What its log says once it is up. */
  readonly said: string;
  /** How it ends when it is asked to. */
  readonly exitCode: number;
  /** The hard limit that `spec` has. */
  readonly cpuMilli: number;
  readonly commands: {
    /** `out` on stdout, `err` on stderr, exit code 5. */
    readonly both: readonly string[];
    /** Copies its input to its output until the input ends. */
    readonly cat: readonly string[];
    readonly missing: readonly string[];
    /** Goes on for ever, and can be told from others by `mark`, a number. */
    lasting(mark: number): readonly string[];
    /** Prints how many of those there are. */
    counting(mark: number): readonly string[];
  };
  /** The engine dies or comes back; what runs in it shall not notice. Absent: not of this one. */
  readonly outage?: {
    /** It may die in the midst of a start too. */
    readonly inStarts: boolean;
    begin(): Promise<void>;
    end(): Promise<void>;
  };
  /** Once, before everything else. */
  prepare(): Promise<void>;
  /** A new driver over the same engine. */
  open(nodeId: string): Runtime;
  /** Runs until it is asked to end, with `cpuMilli` at most. */
  spec(id: string): InstanceSpec;
  /** Several of these run at once; absent: `spec` will do. */
  beside?(id: string): InstanceSpec;
  /** As `spec`, but there is no `/berth/absent`, which it needs to start. */
  broken(id: string): InstanceSpec;
  /** The process that it is, as the machine counts; another one when it was started again. */
  processOf(status: InstanceStatus): Promise<number>;
  /** Its limit as the kernel has it. */
  cpuMilliOf(status: InstanceStatus): Promise<number>;
  /** Ends it as somebody does who knows nothing of Berth; also while the engine is away. */
  kill(process: number, status: InstanceStatus): Promise<void>;
  /** What the engine and the machine still hold of that node. */
  leftovers(nodeId: string): Promise<readonly string[]>;
}

export class Life {
  readonly harness: InstanceHarness;
  readonly nodeId = `node-${randomUUID().slice(0, 8)}`;
  readonly id = randomUUID();
  runtime!: Runtime;

  constructor(harness: InstanceHarness) {
    this.harness = harness;
  }

  async begin(): Promise<void> {
    await this.harness.prepare();
    this.runtime = this.harness.open(this.nodeId);
  }

  async end(): Promise<void> {
    for (const { id } of await this.runtime.list({ signal })) {
      await this.runtime.remove(id, { signal, graceMs: 0 });
    }
    await this.runtime.close();
  }

  spec(attempt = 0): InstanceSpec {
    const spec = this.harness.spec(this.id);
    return { ...spec, containers: spec.containers.map((one) => ({ ...one, attempt })) };
  }

  async ensure(attempt = 0): Promise<InstanceStatus> {
    return steady(await this.runtime.ensure(this.spec(attempt), { signal }));
  }

  /** All there is of its node. */
  async list(by = this.runtime): Promise<readonly InstanceStatus[]> {
    return (await by.list({ signal })).map(steady);
  }

  /** Where the engine is away, or not done yet with what was given up, trying again helps; nowhere else. */
  async untilStarted(spec: InstanceSpec): Promise<InstanceStatus> {
    let failure: unknown;
    const status = await until('it runs', async () => {
      try {
        return await this.runtime.ensure(spec, { signal });
      } catch (error) {
        if (!(error instanceof RuntimeError) || error.reason !== 'Unavailable') failure ??= error;
        return undefined;
      }
    });
    if (failure !== undefined) throw failure;
    return steady(status);
  }

  /** Throws where it is gone. */
  async status(): Promise<InstanceStatus> {
    const found = await this.runtime.get(this.id, { signal });
    if (found === undefined) throw new Error('nothing is known of it');
    return steady(found);
  }

  async main(): Promise<ContainerStatus> {
    return mainOf(await this.status());
  }

  async process(): Promise<number> {
    return await this.harness.processOf(await this.status());
  }

  async exec(command: readonly string[], more: Partial<ExecOptions> = {}, input?: string) {
    const { container } = this.harness;
    const base = { container, command, tty: false, stdin: input !== undefined, signal };
    const session = await this.runtime.exec(this.id, { ...base, ...more });
    session.stdin?.end(input);
    const [out, err, code] = await Promise.all([
      textOf(session.stdout),
      textOf(session.stderr),
      session.exit,
    ]);
    return { out, err, code };
  }

  async log(more: Partial<LogOptions> = {}): Promise<string> {
    const { container } = this.harness;
    const base = { container, previous: false, follow: false, timestamps: false, signal };
    let text = '';
    for await (const { data } of this.runtime.logs(this.id, { ...base, ...more })) {
      text += Buffer.from(data);
    }
    return text;
  }

  /** It has said so, and commands can be run in it. */
  async untilUp(): Promise<void> {
    const { said, bootMs, commands } = this.harness;
    await until('it says that it is up', async () => (await this.log()).includes(said), bootMs);
    const answers = async () => (await this.exec(commands.both)).code === 5;
    await until('commands run in it', answers, bootMs);
  }

  /** What is observed from now on; it is listened to when this resolves. */
  async watch(): Promise<Watching> {
    const seen: string[] = [];
    const stop = new AbortController();
    this.runtime.observe({ signal: stop.signal }).subscribe((id) => seen.push(id));
    const untilSeen = (what: string) => until(what, () => seen.includes(this.id));
    await untilSeen('it is named');
    return {
      forget: () => void seen.splice(0),
      untilSeen,
      stop: () => stop.abort(),
    };
  }
}

export interface Watching {
  forget(): void;
  untilSeen(what: string): Promise<unknown>;
  stop(): void;
}

/** Without the size: a guest that has just booted gives memory back by and by. */
export function steady({ machine, ...rest }: InstanceStatus): InstanceStatus {
  if (machine === undefined) return rest;
  const { size: _, ...found } = machine;
  return { ...rest, machine: found };
}

export function mainOf({ containers }: InstanceStatus): ContainerStatus {
  const [main] = containers;
  if (main === undefined) throw new Error('it has no container');
  return main;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += Buffer.from(chunk);
  return all;
}
