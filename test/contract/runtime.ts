import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  AttachOptions,
  ContainerSpec,
  ContainerState,
  ContainerStatus,
  ExecOptions,
  InstanceSpec,
  InstanceStatus,
  LogOptions,
  Runtime,
  RuntimeGap,
} from '../../runtime/runtime.ts';

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
  /** `out` on stdout, `err` on stderr, exit code 5. */
  readonly both: readonly string[];
  /** Copies its input to its output until the input ends. */
  readonly cat: readonly string[];
  /** Reads a line, then prints the terminal's `rows columns`. */
  readonly size: readonly string[];
  readonly missing: readonly string[];
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

const patienceMs = 10_000;
const signal = new AbortController().signal;

/**
 * The behaviour every `Runtime` must have; run it with a harness. What a driver says it cannot do
 * (`gaps`) must be refused in words that name the field.
 */
export function runtimeContract(
  name: string,
  makeHarness: () => Promise<RuntimeHarness>,
  gaps: readonly RuntimeGap[] = [],
): void {
  describe(`${name} runtime`, () => {
    const c = new Context(gaps);
    beforeEach(async () => {
      c.harness = await makeHarness();
      c.nodeId = `node-${randomUUID().slice(0, 8)}`;
      c.runtime = c.harness.open(c.nodeId);
    });
    afterEach(async () => {
      for (const { id } of await c.runtime.list({ signal })) {
        await c.runtime.remove(id, { signal, graceMs: 0 });
      }
      expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
      await c.runtime.close();
    });
    describe('life', () => lifeTests(c));
    describe('attempts', () => attemptTests(c));
    describe('containers', () => containerTests(c));
    describe('beside others', () => besideTests(c));
    describe('failures', () => failureTests(c));
    describe('logs', () => logTests(c));
    describe('exec', () => execTests(c));
    if (c.can('stdin')) describe('attach', () => attachTests(c));
    describe('gaps', () => gapTests(c));
    describe('nodes', () => nodeTests(c));
    describe('usage', () => usageTests(c));
    if (c.can('images')) describe('images', () => imageTests(c));
  });
}

/** What each test works with, and the shorthands it does it by. */
class Context {
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

function find(status: InstanceStatus | undefined, name = 'main'): ContainerStatus | undefined {
  return status?.containers.find((one) => one.name === name);
}

async function until<T>(probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += Buffer.from(chunk).toString('utf8');
  return all;
}

function lifeTests(c: Context): void {
  test('starts an instance and tells about it', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const status = await c.ensure(spec);
    expect(status).toMatchObject({ id: spec.id, namespace: 'test', name: 'web' });
    expect(status.ips).toHaveLength(1);
    const main = find(status);
    expect(main).toMatchObject({ attempt: 0, image: c.harness.image, state: { phase: 'running' } });
    expect(main?.containerId).toMatch(/^\w+:\/\/.+/);
    expect(main?.imageId).not.toBe('');
    expect(await c.runtime.list({ signal })).toEqual([status]);
  });

  test('ensure twice changes nothing', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const first = await c.ensure(spec);
    expect(await c.ensure(spec)).toEqual(first);
  });

  test('of what is there nothing needs to be said but name and attempt', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const before = await c.runtime.ensure(spec, { signal });
    const bare = c.container('main', {});
    expect(await c.runtime.ensure({ ...spec, containers: [bare] }, { signal })).toEqual(before);
  });

  test('concurrent ensures make one container', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const all = await Promise.all([c.ensure(spec), c.ensure(spec), c.ensure(spec)]);
    expect(new Set(all.map((one) => find(one)?.containerId)).size).toBe(1);
  });

  test('a new driver adopts what runs', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const before = await c.ensure(spec);
    const other = c.harness.open(c.nodeId);
    expect(await other.list({ signal })).toEqual([before]);
    expect(await other.ensure(spec, { signal })).toEqual(before);
    await other.close();
  });

  test('stop keeps it, and ensure does not start it again', async () => {
    const spec = c.one(c.harness.programs.polite);
    const before = await c.ensure(spec);
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
    const after = await c.ensure(spec);
    expect(find(after)?.containerId).toBe(find(before)?.containerId);
    expect(find(after)?.state).toMatchObject({ phase: 'exited', exitCode: 3 });
    expect((await c.log(spec.id)).stdout).toContain('bye');
    expect(after.ips).toEqual([]);
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
  });

  test('kills what does not end in time', async () => {
    const spec = c.one(c.harness.programs.deaf);
    await c.ensure(spec);
    await c.untilLogged(spec.id, 'ready');
    const startMs = Date.now();
    await c.runtime.stop(spec.id, { signal, graceMs: 1000 });
    expect(Date.now() - startMs).toBeGreaterThan(900);
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 137 });
  });

  test('stops one container alone, whatever else is going on', async () => {
    const { polite, deaf } = c.harness.programs;
    const spec = c.spec(c.container('main', polite), c.container('other', deaf));
    const before = await c.ensure(spec);
    await c.untilLogged(spec.id, 'ready', { container: 'other' });
    const whole = { signal, graceMs: 3000 };
    const containerId = find(before, 'other')?.containerId ?? '';
    const stopping = c.runtime.stop(spec.id, { ...whole, containerId });
    const startMs = Date.now();
    expect(find(await c.ensure(spec))?.state.phase).toBe('running');
    await c.runtime.stop(spec.id, { ...whole, containerId: find(before)?.containerId ?? '' });
    expect(Date.now() - startMs).toBeLessThan(2500);
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 3 });
    expect(await c.state(spec.id, 'other')).toMatchObject({ phase: 'running' });
    await stopping;
    expect(await c.state(spec.id, 'other')).toMatchObject({ phase: 'exited', exitCode: 137 });
    await c.runtime.stop(spec.id, { ...whole, containerId });
  });

  test('remove forgets everything, also twice', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    await c.ensure(spec);
    await c.runtime.remove(spec.id, { signal, graceMs: 1000 });
    expect(await c.runtime.get(spec.id, { signal })).toBeUndefined();
    expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
    await c.runtime.remove(spec.id, { signal, graceMs: 0 });
    await c.runtime.remove(randomUUID(), { signal, graceMs: 0 });
  });

  test('knows exit codes and times', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    const state = await c.untilExited(spec.id);
    expect(state).toMatchObject({ exitCode: 7, oomKilled: false });
    expect(state.finishedAtMs).toBeGreaterThanOrEqual(state.startedAtMs);
    expect(Math.abs(state.startedAtMs - Date.now())).toBeLessThan(60_000);
  });

  test('observe names what is there, and then what changes', async () => {
    const first = c.one(c.harness.programs.sleeper);
    await c.ensure(first);
    const seen: string[] = [];
    const stop = new AbortController();
    const ended = new Promise<void>((resolve) => {
      const complete = () => resolve();
      c.runtime
        .observe({ signal: stop.signal })
        .subscribe({ next: (id) => seen.push(id), complete });
    });
    await until(async () => (seen.includes(first.id) ? true : undefined));
    const second = c.one(c.harness.programs.exit7);
    await c.ensure(second);
    await c.untilExited(second.id);
    await until(async () => (seen.includes(second.id) ? true : undefined));
    seen.length = 0;
    await c.runtime.remove(first.id, { signal, graceMs: 0 });
    await until(async () => (seen.includes(first.id) ? true : undefined));
    stop.abort();
    await ended;
  });
}

function attemptTests(c: Context): void {
  const attempt = (spec: InstanceSpec, number: number): InstanceSpec => ({
    ...spec,
    containers: spec.containers.map((one) => ({ ...one, attempt: number })),
  });

  test('a higher attempt replaces an ended one and keeps it as previous', async () => {
    const spec = c.one(c.harness.programs.exit7);
    const first = find(await c.ensure(spec));
    await c.untilExited(spec.id);
    const second = find(await c.ensure(attempt(spec, 1)));
    expect(second?.attempt).toBe(1);
    expect(second?.containerId).not.toBe(first?.containerId);
    expect(second?.previous).toMatchObject({ exitCode: 7, containerId: first?.containerId });
  });

  test('only one attempt before the newest is kept', async () => {
    const spec = c.one(c.harness.programs.printer);
    await c.ensure(spec);
    const second = find(await c.ensure(attempt(spec, 1)));
    const third = find(await c.ensure(attempt(spec, 2)));
    expect(third?.previous).toMatchObject({ exitCode: 137, containerId: second?.containerId });
    expect(await c.harness.leftovers(c.nodeId)).toHaveLength(2);
    expect(find(await c.ensure(attempt(spec, 1)))?.attempt).toBe(2);
  });

  test('the log of the previous attempt can be read', async () => {
    const spec = c.one(c.harness.programs.polite);
    await c.ensure(spec);
    await expect(c.log(spec.id, { previous: true })).rejects.toMatchObject({ reason: 'NotFound' });
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
    await c.ensure(attempt(spec, 1));
    expect((await c.log(spec.id, { previous: true })).stdout).toContain('bye');
    expect((await c.log(spec.id)).stdout).not.toContain('bye');
  });
}

function containerTests(c: Context): void {
  test('passes environment, arguments, directory, user and host name', async () => {
    const { introducer } = c.harness.programs;
    const spec = c.one(
      { ...introducer, args: [...(introducer.args ?? []), 'second'] },
      { env: { GREETING: 'a = "b"\n$c' }, workingDir: '/tmp', user: '1000' },
    );
    await c.ensure(spec);
    const said = await c.untilLogged(spec.id, '|1000|');
    const host = c.can('hostname') ? 'web-host' : said.trim().split('|').at(-1);
    expect(said.trim()).toBe(`a = "b"\n$c|second|/tmp|1000|${host}`);
  });

  test('shows files of the machine, read-only where asked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
    const file = join(directory, 'file');
    await writeFile(file, 'content');
    const mount = { hostPath: directory, containerPath: '/mnt' };
    const { writer } = c.harness.programs;
    const readOnly = c.one(writer, { mounts: [{ ...mount, readOnly: true }] });
    await c.ensure(readOnly);
    expect(await c.untilLogged(readOnly.id, 'refused')).toContain('content');
    expect(await readFile(file, 'utf8')).toBe('content');
    const writable = c.one(writer, { mounts: [{ ...mount, readOnly: false }] });
    await c.ensure(writable);
    await c.untilLogged(writable.id, 'written');
    expect(await readFile(file, 'utf8')).not.toBe('content');
    await rm(directory, { recursive: true });
  });

  test('several containers share localhost, also after one of them restarts', async () => {
    const server = c.container('server', c.harness.programs.server);
    const client = c.container('client', c.harness.programs.client);
    const spec = c.spec(server, client);
    const before = await c.ensure(spec);
    expect(before.containers.map((one) => one.name)).toEqual(['server', 'client']);
    await c.untilLogged(spec.id, 'pong', { container: 'client' });
    const after = await c.ensure({ ...spec, containers: [{ ...server, attempt: 1 }, client] });
    expect(after.ips).toEqual(before.ips);
    expect(find(after, 'client')).toEqual(find(before, 'client'));
    const third = { ...client, attempt: 1 };
    await c.ensure({ ...spec, containers: [{ ...server, attempt: 1 }, third] });
    await c.untilLogged(spec.id, 'pong', { container: 'client' });
  });

  test('containers no longer wanted are removed', async () => {
    const keep = c.container('keep', c.harness.programs.sleeper);
    const spec = c.spec(keep, c.container('drop', c.harness.programs.sleeper));
    const before = await c.ensure(spec);
    const kept = c.container('also', c.harness.programs.sleeper);
    const after = await c.ensure({ ...spec, containers: [keep, kept] });
    expect(after.containers.map((one) => one.name)).toEqual(['keep', 'also']);
    expect(find(after, 'keep')).toEqual(find(before, 'keep'));
  });
}

/** What joins others that run already. */
function besideTests(c: Context): void {
  test('it shares their network and leaves them alone', async () => {
    const { programs } = c.harness;
    const spec = { ...c.one(programs.server), sharedNetwork: false };
    const before = find(await c.ensure(spec));
    const beside = { processesOf: 'main' };
    const guest = c.container('guest', programs.client, { beside });
    const status = await c.ensure({ ...spec, containers: [...spec.containers, guest] });
    expect(find(status)?.containerId).toBe(before?.containerId);
    expect(find(status, 'guest')?.state.phase).toBe('running');
    await c.untilLogged(spec.id, 'pong', { container: 'guest' });
  });

  test('nothing to join is a failed start', async () => {
    const { programs } = c.harness;
    const guest = c.container('guest', programs.sleeper, { beside: { processesOf: 'main' } });
    const failed = { reason: 'StartFailed', container: 'guest' };
    await expect(c.ensure(c.spec(guest))).rejects.toMatchObject(failed);
    const spec = c.one(programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    const both = { ...spec, containers: [...spec.containers, guest], sharedNetwork: false };
    await expect(c.ensure(both)).rejects.toMatchObject(failed);
  });

  test('an image says its size and whom it runs as; an absent one nothing', async () => {
    const info = await c.runtime.imageInfo(c.harness.image, { signal });
    if (c.can('images')) expect(info?.sizeBytes).toBeGreaterThan(0);
    expect(info?.user).toBe('');
    expect(await c.runtime.imageInfo('berth-test/absent:1', { signal })).toBeUndefined();
  });
}

function failureTests(c: Context): void {
  test('a missing image is named, and nothing is left', async () => {
    const image = 'berth-test/absent:1';
    await expect(c.runtime.ensureImage(image, 'Never', { signal })).rejects.toMatchObject({
      reason: 'ImageMissing',
      message: expect.stringContaining(image),
    });
    const spec = c.one(c.harness.programs.sleeper, { image });
    await expect(c.ensure(spec)).rejects.toMatchObject({
      reason: 'ImageMissing',
      container: 'main',
    });
    expect(await c.runtime.list({ signal })).toEqual([]);
    await c.runtime.ensureImage(c.harness.image, 'Never', { signal });
    await c.runtime.ensureImage(c.harness.image, 'IfNotPresent', { signal });
  });

  test('an image name that is none', async () => {
    const pull = c.runtime.ensureImage('Not An Image', 'Always', { signal });
    await expect(pull).rejects.toMatchObject({ reason: 'InvalidSpec' });
  });

  test('an image that cannot be pulled', async () => {
    const pull = c.runtime.ensureImage('localhost:1/berth/absent:1', 'IfNotPresent', { signal });
    await expect(pull).rejects.toMatchObject({ reason: 'ImagePullFailed' });
  });

  test('what cannot be started is not left half made, and can be tried again', async () => {
    const spec = c.one({ command: ['/berth/absent'] });
    for (const _ of [1, 2]) {
      await expect(c.ensure(spec)).rejects.toMatchObject({
        reason: 'StartFailed',
        container: 'main',
        message: expect.stringContaining('/berth/absent'),
      });
    }
    expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
    const cured = c.container('main', c.harness.programs.sleeper);
    const status = await c.ensure({ ...spec, containers: [cured] });
    expect(find(status)?.state.phase).toBe('running');
  });

  test('a failing container leaves those before it running', async () => {
    const good = c.container('good', c.harness.programs.sleeper);
    const spec = c.spec(good, c.container('bad', { command: ['/berth/absent'] }));
    await expect(c.ensure(spec)).rejects.toMatchObject({ container: 'bad' });
    expect((await c.state(spec.id, 'good'))?.phase).toBe('running');
    expect(await c.state(spec.id, 'bad')).toBeUndefined();
  });

  test('invalid specifications', async () => {
    const mounts = [{ hostPath: '/nonexistent', containerPath: '/mnt', readOnly: true }];
    const bad = [
      c.one(c.harness.programs.sleeper, { mounts }),
      c.spec(
        c.container('twin', c.harness.programs.sleeper),
        c.container('twin', c.harness.programs.sleeper),
      ),
    ];
    for (const spec of bad) {
      await expect(c.ensure(spec)).rejects.toMatchObject({ reason: 'InvalidSpec' });
    }
    expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
  });
}

function logTests(c: Context): void {
  test('keeps the two streams apart, where it can', async () => {
    const spec = c.one(c.harness.programs.printer);
    await c.ensure(spec);
    await c.untilLogged(spec.id, 'three');
    if (!c.can('streams')) {
      expect(await c.untilLogged(spec.id, 'oops')).toBe('one\ntwo\nthree\noops\n');
      return;
    }
    const { stderr } = await until(async () => {
      const log = await c.log(spec.id);
      return log.stderr === '' ? undefined : log;
    });
    expect(stderr).toBe('oops\n');
    expect((await c.log(spec.id)).stdout).toBe('one\ntwo\nthree\n');
  });

  test('tail, since and timestamps', async () => {
    const spec = c.one(c.harness.programs.ticker);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    expect((await c.log(spec.id, { tailLines: 1 })).stdout).toBe('tock\n');
    expect((await c.log(spec.id, { tailLines: 0 })).stdout).toBe('');
    const stamped = (await c.log(spec.id, { timestamps: true })).stdout.trim().split('\n');
    expect(stamped[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z tick$/);
    const secondAtMs = Date.parse(stamped[1]?.split(' ')[0] ?? '');
    expect((await c.log(spec.id, { sinceMs: secondAtMs - 100 })).stdout).toBe('tock\n');
    expect((await c.log(spec.id, { sinceMs: secondAtMs + 10_000 })).stdout).toBe('');
  });

  test('follow goes on until the container ends', async () => {
    const spec = c.one(c.harness.programs.ticker);
    await c.ensure(spec);
    expect((await c.log(spec.id, { follow: true })).stdout).toBe('tick\ntock\n');
    expect((await c.state(spec.id))?.phase).toBe('exited');
  });

  test('follow ends when its reader gives up', async () => {
    const spec = c.one(c.harness.programs.printer);
    await c.ensure(spec);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    const reading = c.log(spec.id, { follow: true, signal: stop.signal });
    expect((await reading).stdout).toContain('one\ntwo\nthree\n');
    expect((await c.state(spec.id))?.phase).toBe('running');
  });

  test('of what is not there', async () => {
    await expect(c.log(randomUUID())).rejects.toMatchObject({ reason: 'NotFound' });
  });
}

function execTests(c: Context): void {
  const start = async () => {
    const spec = c.one(c.harness.programs.sleeper);
    await c.ensure(spec);
    return spec.id;
  };

  test('exit code and both streams', async () => {
    const session = await c.exec(await start(), c.harness.commands.both);
    const all = [text(session.stdout), text(session.stderr), session.exit];
    expect(await Promise.all(all)).toEqual(['out\n', 'err\n', 5]);
  });

  test('input, ended by its writer', async () => {
    const session = await c.exec(await start(), c.harness.commands.cat, { stdin: true });
    session.stderr.resume();
    const payload = 'x'.repeat(300_000);
    session.stdin?.write(payload);
    session.stdin?.end('end\n');
    expect(await text(session.stdout)).toBe(`${payload}end\n`);
    expect(await session.exit).toBe(0);
  });

  test('a terminal that changes its size', async () => {
    const more = { tty: true, stdin: true };
    const session = await c.exec(await start(), c.harness.commands.size, more);
    session.stderr.resume();
    await session.resize({ columns: 99, rows: 33 });
    session.stdin?.write('go\n');
    expect(await text(session.stdout)).toContain('33 99');
    expect(await session.exit).toBe(0);
  });

  test('a missing command ends with 126 or 127 and says so', async () => {
    const session = await c.exec(await start(), c.harness.commands.missing);
    const [out, err, code] = await Promise.all([
      text(session.stdout),
      text(session.stderr),
      session.exit,
    ]);
    expect([126, 127]).toContain(code);
    expect(out + err).toMatch(/not found|[Nn]o such file/);
  });

  test('giving up leaves the container and other sessions alone', async () => {
    const id = await start();
    const stop = new AbortController();
    const { cat } = c.harness.commands;
    const first = await c.exec(id, cat, { stdin: true, signal: stop.signal });
    const second = await c.exec(id, cat, { stdin: true });
    second.stderr.resume();
    stop.abort();
    await expect(first.exit).rejects.toThrow();
    second.stdin?.end('still here\n');
    expect(await text(second.stdout)).toBe('still here\n');
    expect((await c.state(id))?.phase).toBe('running');
  });

  test('only in containers that run', async () => {
    const { both } = c.harness.commands;
    await expect(c.exec(randomUUID(), both)).rejects.toMatchObject({ reason: 'NotFound' });
    const id = await start();
    await c.runtime.stop(id, { signal, graceMs: 0 });
    await expect(c.exec(id, both)).rejects.toMatchObject({ reason: 'NotFound' });
  });
}

function attachTests(c: Context): void {
  const start = async (more: Partial<ContainerSpec> = {}) => {
    const spec = c.one(c.harness.programs.listener, { stdin: true, ...more });
    await c.ensure(spec);
    return spec.id;
  };
  const attach = (id: string, more: Partial<AttachOptions> = {}) =>
    c.runtime.attach(id, { container: 'main', stdin: true, signal, ...more });
  /** Reads until `wanted` was said. */
  const hear = async (stream: Readable, wanted: string) => {
    let all = '';
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      all += Buffer.from(chunk).toString('utf8');
      if (all.includes(wanted)) return all;
    }
    return all;
  };

  test('talks with the process, both streams apart, until it ends', async () => {
    const id = await start();
    const session = await attach(id);
    session.stdin?.write('one\nwarn\n');
    expect(await hear(session.stdout, 'heard one')).toBe('heard one\n');
    expect(await hear(session.stderr, 'careful')).toBe('careful\n');
    session.stdin?.write('end\n');
    expect(await text(session.stdout)).toBe('');
    session.stderr.resume();
    await session.ended;
    expect(await c.untilExited(id)).toMatchObject({ exitCode: 0 });
    expect((await c.log(id)).stdout).toBe('heard one\n');
  });

  test('everyone who is attached hears everything', async () => {
    const id = await start();
    const [first, second] = await Promise.all([attach(id), attach(id, { stdin: false })]);
    expect(second.stdin).toBeUndefined();
    first.stdin?.write('x\n');
    expect(await hear(first.stdout, 'heard x')).toBe('heard x\n');
    expect(await hear(second.stdout, 'heard x')).toBe('heard x\n');
  });

  test('a terminal that changes its size', async () => {
    const id = await start({ tty: true });
    const session = await attach(id);
    await session.resize({ columns: 99, rows: 33 });
    session.stdin?.write('size\n');
    expect(await hear(session.stdout, '33 99')).toContain('33 99');
    session.stdin?.write('end\n');
    session.stdout.resume();
    session.stderr.resume();
    await session.ended;
  });

  test('input that ends is no end for the process', async () => {
    const id = await start();
    const stop = new AbortController();
    const first = await attach(id, { signal: stop.signal });
    first.stdin?.end('x\n');
    expect(await hear(first.stdout, 'heard x')).toBe('heard x\n');
    stop.abort();
    await expect(first.ended).rejects.toThrow();
    const second = await attach(id);
    second.stdin?.write('y\n');
    expect(await hear(second.stdout, 'heard y')).toBe('heard y\n');
  });

  test('unless it takes its input once', async () => {
    const ended = await start({ stdinOnce: true });
    const session = await attach(ended);
    const payload = 'x'.repeat(3_000);
    session.stdin?.end(`${payload}\n`);
    session.stderr.resume();
    expect(await text(session.stdout)).toBe(`heard ${payload}\n`);
    await session.ended;
    expect(await c.untilExited(ended)).toMatchObject({ exitCode: 0 });
    const left = await start({ stdinOnce: true });
    const stop = new AbortController();
    await attach(left, { signal: stop.signal });
    stop.abort();
    await c.untilExited(left);
  });

  test('only to containers that run', async () => {
    await expect(attach(randomUUID())).rejects.toMatchObject({ reason: 'NotFound' });
    const id = await start();
    await c.runtime.stop(id, { signal, graceMs: 0 });
    await expect(attach(id)).rejects.toMatchObject({ reason: 'NotFound' });
  });
}

function nodeTests(c: Context): void {
  test('two nodes on one engine do not see each other', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    await c.ensure(spec);
    const other = c.harness.open(`${c.nodeId}-other`);
    expect(await other.list({ signal })).toEqual([]);
    expect(await other.get(spec.id, { signal })).toBeUndefined();
    await other.remove(spec.id, { signal, graceMs: 0 });
    expect((await c.state(spec.id))?.phase).toBe('running');
    const twin = await other.ensure(spec, { signal });
    expect(find(twin)?.state.phase).toBe('running');
    await other.remove(spec.id, { signal, graceMs: 0 });
    expect((await c.state(spec.id))?.phase).toBe('running');
    await other.close();
  });

  test('tells what it is', async () => {
    const info = await c.runtime.info({ signal });
    expect(info).toMatchObject({ name: c.runtime.name, os: 'linux' });
    expect(info.version).not.toBe('');
  });
}

function usageTests(c: Context): void {
  test('of what runs on this node, by container', async () => {
    const { sleeper, exit7 } = c.harness.programs;
    const spec = c.spec(c.container('a', sleeper), c.container('b', exit7));
    const { containers } = await c.ensure(spec);
    await c.untilExited(spec.id, 'b');
    const other = c.harness.open(`${c.nodeId}-other`);
    expect(await other.stats({ signal })).toEqual([]);
    const [usage, ...more] = await c.runtime.stats({ signal });
    expect(more).toEqual([]);
    expect(usage).toMatchObject({ id: spec.id, namespace: 'test', name: 'web' });
    expect(usage?.containers.map(({ name }) => name)).toEqual(['a']);
    const [a] = usage!.containers;
    expect(a!.containerId).toBe(containers.find(({ name }) => name === 'a')?.containerId);
    expect(a!.workingSetBytes).toBeGreaterThan(0n);
    const [later] = await c.runtime.stats({ signal });
    expect(later!.containers[0]!.cpuNanos).toBeGreaterThanOrEqual(a!.cpuNanos);
  });

  test('of the disk, also after the end', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    const bytes = await c.runtime.diskUsage(spec.id, { signal });
    expect([...bytes.keys()]).toEqual(['main']);
    expect(bytes.get('main')).toBeLessThan(1 << 20);
    expect((await c.runtime.diskUsage('no-such', { signal })).size).toBe(0);
  });

  test('nothing of what has ended', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    expect(await c.runtime.stats({ signal })).toEqual([]);
  });
}

function gapTests(c: Context): void {
  test('what it cannot do is told, and refused in words that name the field', async () => {
    expect([...c.runtime.gaps].sort()).toEqual([...c.gaps].sort());
    const { sleeper } = c.harness.programs;
    for (const field of ['tty', 'stdin'] as const) {
      const asked = c.ensure(c.one(sleeper, { [field]: true }));
      if (c.can(field)) await asked;
      else {
        const message = expect.stringContaining(field);
        await expect(asked).rejects.toMatchObject({ reason: 'InvalidSpec', message });
      }
    }
  });
}

function imageTests(c: Context): void {
  test('an image in use is told with its user, and not removed', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    const { images } = await c.runtime.listImages({ signal });
    const image = images.find(({ tags }) => tags.includes(c.harness.image));
    expect(image?.sizeBytes).toBeGreaterThan(0);
    expect(image?.users.join(' ')).toContain('web');
    for (const name of [c.harness.image, image!.id]) {
      const removal = c.runtime.removeImage(name, { signal });
      await expect(removal).rejects.toMatchObject({ reason: 'ImageInUse' });
    }
    expect(await c.runtime.imageInfo(c.harness.image, { signal })).toBeDefined();
  });

  test('one that is not there is as good as removed', async () => {
    await c.runtime.removeImage('berth-test/no-such:1', { signal });
  });
}
