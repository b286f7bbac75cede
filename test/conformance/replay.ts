/** Replays one recorded scenario against a server. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Output, runCommand } from '../harness/run-command.ts';
import type { Answer, Asker, Watch } from './ask.ts';
import { Bindings } from './bindings.ts';
import { brief, compareStep, type Difference, isFailure } from './compare.ts';
import type { Deviations } from './differs.ts';
import { drop, type Json, pick, select } from './json-path.ts';
import { noteRevisions, plainBody, plainLines, plainString, type Seen } from './normalise.ts';
import { fill, type Scenario, type Step, type Variables, variablesOf } from './scenario.ts';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** Ready to print. */
  readonly log: readonly string[];
}

const maxShown = 14;
const kubectlPollMs = 20_000;

/** `kubectl` is the program; scenarios that need it fail when there is none. */
export async function replay(
  scenario: Scenario,
  asker: Asker,
  kubectl: string | undefined,
  deviations: Deviations,
): Promise<Outcome> {
  const run = new Replay(scenario, asker, kubectl, deviations);
  try {
    await run.all();
  } finally {
    await run.clean();
  }
  return run.outcome();
}

class Replay {
  readonly #scenario: Scenario;
  readonly #asker: Asker;
  readonly #kubectl: string | undefined;
  readonly #deviations: Deviations;
  readonly #vars: Variables;
  readonly #seen: Seen;
  readonly #bindings = new Bindings();
  readonly #watches = new Map<string, Watch>();
  readonly #log: string[] = [];
  #passed = 0;
  #failed = 0;

  constructor(
    scenario: Scenario,
    asker: Asker,
    kubectl: string | undefined,
    deviations: Deviations,
  ) {
    this.#scenario = scenario;
    this.#asker = asker;
    this.#kubectl = kubectl;
    this.#deviations = deviations;
    this.#vars = variablesOf(scenario);
    const commands = scenario.steps.some(({ cmd }) => cmd !== undefined);
    const directory = commands ? folderFor(asker, this.#vars) : undefined;
    this.#seen = {
      run: this.#vars['run'] ?? '',
      serverUrl: asker.server.url,
      directory,
      maxRevision: 0n,
      pageRevision: undefined,
      managedFields: false,
      continued: false,
    };
  }

  async all(): Promise<void> {
    const ready = await this.#setUp();
    for (const [index, step] of this.#scenario.steps.entries()) {
      if (!ready) this.#failed += 1;
      else {
        const why = await this.#run(step);
        if (why?.length !== 0) this.#judge(index, step, why);
      }
    }
    if (ready) this.#checkOrder();
  }

  /** `why` is absent when the answer was as recorded. */
  #judge(index: number, step: Step, why: readonly Difference[] | undefined): void {
    const { name } = this.#scenario;
    const onPurpose = this.#deviations.reasonOf(name, step.name) !== undefined;
    if (onPurpose && why !== undefined) this.#deviations.met(name, step.name);
    else if (onPurpose)
      this.#fail(`step ${index}`, step, [
        { at: '', why: 'is listed as differing on purpose, and does not' },
      ]);
    else if (why === undefined) this.#passed += 1;
    else this.#fail(`step ${index}`, step, why);
  }

  async clean(): Promise<void> {
    for (const watch of this.#watches.values()) watch.close();
    for (const { request } of this.#scenario.cleanup ?? []) {
      if (request !== undefined) await this.#asker.call(request, this.#vars).catch(() => undefined);
    }
    const { directory } = this.#seen;
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }

  outcome(): Outcome {
    return { passed: this.#passed, failed: this.#failed, log: this.#log };
  }

  async #setUp(): Promise<boolean> {
    for (const [index, step] of (this.#scenario.setup ?? []).entries()) {
      try {
        const answer = (await this.#answer(step)) as Answer | undefined;
        this.#capture(step, answer?.body);
        const refused = (answer?.status ?? 0) >= 300 && answer?.status !== 409;
        if (refused && step.poll === undefined)
          throw new Error(`answered ${answer?.status} ${brief(answer?.body)}`);
      } catch (error) {
        const why = `setup failed: ${error instanceof Error ? error.message : error}`;
        this.#fail(`setup ${index}`, step, [{ at: '', why }]);
        return false;
      }
    }
    return true;
  }

  /** `undefined` = as recorded; none = there was nothing to compare. */
  async #run(step: Step): Promise<Difference[] | undefined> {
    try {
      const raw = await this.#answer(step);
      if (raw === undefined) return [];
      const got = this.#shape(step, raw);
      const differences = compareStep(step, got, this.#bindings, () => undefined);
      if (step.captureText !== undefined) this.#vars[step.captureText] = raw.stdout.trim();
      if (step.capture !== undefined)
        this.#capture(step, step.cmd === undefined ? raw.body : JSON.parse(raw.stdout));
      return differences.length > 0 ? differences : undefined;
    } catch (error) {
      return [{ at: '', why: error instanceof Error ? error.message : String(error) }];
    }
  }

  #capture(step: Step, source: Json): void {
    for (const [name, path] of Object.entries(step.capture ?? {})) {
      const value = pick(source, path);
      if (value === '<absent>') throw new Error(`nothing to capture at ${path}`);
      this.#vars[name] = String(value);
    }
  }

  async #answer(step: Step): Promise<Json> {
    const { request, watch, collect } = step;
    if (step.sleepMs !== undefined) await sleep(step.sleepMs);
    if (step.cmd !== undefined) return this.#command(step);
    if (collect !== undefined) {
      const open = this.#watches.get(collect);
      if (open === undefined) throw new Error('that watch was not opened');
      return open.collect(step);
    }
    if (request === undefined) return undefined;
    if (watch !== undefined) {
      const open = await this.#asker.watch(request, this.#vars);
      this.#watches.set(watch, open);
      return { status: open.status };
    }
    if (step.poll === undefined) return this.#asker.call(request, this.#vars);
    return this.#asker.poll(step, request, this.#vars, (answer) => met(step, answer, this.#vars));
  }

  async #command(step: Step): Promise<Json> {
    const { directory = '' } = this.#seen;
    for (const [name, text] of Object.entries(step.files ?? {})) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, fill(text, this.#vars));
    }
    const until = Date.now() + kubectlPollMs;
    for (;;) {
      const { code, stdout, stderr } = await this.#kubectlOnce(step, directory);
      if (step.pollExit !== true || code === 0 || Date.now() > until)
        return { exit: code, stdout, stderr };
      await sleep(200);
    }
  }

  #kubectlOnce(step: Step, directory: string): Promise<Output> {
    if (this.#kubectl === undefined) throw new Error('there is no kubectl on this machine');
    return runCommand(this.#kubectl, fill(step.cmd ?? [], this.#vars), {
      cwd: directory,
      stdin: fill(step.stdin ?? '', this.#vars),
      timeoutMs: step.timeoutMs ?? 60_000,
      env: {
        HOME: directory,
        KUBECONFIG: join(directory, '.kubeconfig'),
        KUBECACHEDIR: join(directory, '.cache'),
        LANG: 'C',
        ...fill(step.env ?? {}, this.#vars),
      },
    });
  }

  /** The answer in the form that was recorded. */
  #shape(step: Step, got: Json): Json {
    const seen = this.#seen;
    seen.managedFields = step.managedFields ?? this.#scenario.managedFields ?? false;
    seen.continued = step.request?.query?.['continue'] !== undefined;
    const ignore = fill([...(this.#scenario.ignore ?? []), ...(step.ignore ?? [])], this.#vars);
    if (step.cmd !== undefined) return shapeOutput(step, got, seen, ignore);
    if (step.watch !== undefined) return { status: got.status };
    if (step.collect !== undefined) return shapeEvents(step, got, seen, ignore);
    const only = fill(step.only, this.#vars);
    return shapeAnswer(only === undefined ? step : { ...step, only }, got, seen, ignore);
  }

  #checkOrder(): void {
    const order = this.#scenario.rvOrder;
    if (order === undefined) return;
    const known = order
      .split(' ')
      .map((symbol) => this.#bindings.valueOf(symbol) ?? '')
      .filter((value) => /^\d+$/.test(value))
      .map(BigInt);
    const wrong = known.some((value, i) => i > 0 && (known[i - 1] ?? 0n) >= value);
    if (wrong) {
      const step = { name: 'resourceVersion order' };
      this.#fail('end', step, [{ at: 'order', want: order, got: known.map(String), why: 'order' }]);
    } else if (known.length > 1) this.#passed += 1;
  }

  #fail(place: string, step: Step, differences: readonly Difference[]): void {
    this.#failed += 1;
    const { area, name } = this.#scenario;
    const what =
      step.cmd !== undefined
        ? `kubectl ${step.cmd.join(' ')}`
        : `${step.request?.method ?? 'GET'} ${step.request?.path ?? step.collect ?? ''}`;
    this.#log.push(`  ✗ ${area}/${name} ${place} "${step.name}"  ${what}`);
    for (const { at, want, got, why } of differences.slice(0, maxShown)) {
      this.#log.push(`      ${at === '' ? '(answer)' : at}  [${why}]`);
      if (want === undefined && got === undefined) continue;
      this.#log.push(`        recorded: ${brief(want)}`, `        now:      ${brief(got)}`);
    }
    if (differences.length > maxShown)
      this.#log.push(`      ... and ${differences.length - maxShown} more differences`);
  }
}

function folderFor({ server }: Asker, vars: Variables): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'conformance-')));
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const cluster = { server: server.url, 'certificate-authority-data': base64(server.ca) };
  const user = {
    'client-certificate-data': base64(server.cert),
    'client-key-data': base64(server.key),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: vars['ns'] } }],
  };
  writeFileSync(join(directory, '.kubeconfig'), JSON.stringify(config), { mode: 0o600 });
  return directory;
}

function met(step: Step, answer: Answer, vars: Variables): boolean {
  const poll = fill(step.poll ?? {}, vars);
  if (poll.status !== undefined && answer.status !== poll.status) return false;
  if (poll.path === undefined) return true;
  if ('equals' in poll)
    return JSON.stringify(pick(answer.body, poll.path)) === JSON.stringify(poll.equals);
  const found = select(answer.body, poll.path).length > 0;
  return poll.absent === true ? !found : found;
}

function shapeOutput(step: Step, got: Json, seen: Seen, ignore: readonly string[]): Json {
  const out: Record<string, Json> = {
    exit: got.exit,
    stdout: plainLines(got.stdout, seen, step),
    stderr: plainLines(got.stderr, seen, step),
  };
  const parsed = step.json === true ? parsedOrNothing(got.stdout) : undefined;
  if (parsed !== undefined) {
    noteRevisions(parsed, seen);
    out['stdout'] = plainBody(parsed, seen);
    for (const path of ignore) drop(out['stdout'], path);
  }
  if (step.only !== undefined) out['stdout'] = picked(out['stdout'], step.only, seen);
  for (const stream of ['stdout', 'stderr'])
    if (step.compare === 'status' || ignore.includes(stream)) delete out[stream];
  return out;
}

function parsedOrNothing(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shapeEvents(step: Step, got: Json, seen: Seen, ignore: readonly string[]): Json {
  noteRevisions(
    got.events.filter((event: Json) => event.type !== 'BOOKMARK'),
    seen,
  );
  const events = got.events.map((event: Json) => {
    let object = plainBody(event.object, seen);
    if (event.type === 'BOOKMARK' && object?.metadata?.resourceVersion !== undefined)
      object.metadata.resourceVersion = '<list-rv>';
    for (const path of ignore) drop(object, path);
    if (step.only !== undefined) object = picked(object, step.only, seen);
    return { type: event.type, object };
  });
  const ended = step.untilEnd === true ? { ended: got.ended } : {};
  return { status: got.status, contentType: got.contentType, ...ended, events };
}

function shapeAnswer(step: Step, got: Answer, seen: Seen, ignore: readonly string[]): Json {
  noteRevisions(got.body, seen);
  const out: Record<string, Json> = { status: got.status, contentType: got.contentType };
  if (got.warnings.length > 0)
    out['warnings'] = got.warnings.map((text) => plainString(text, seen));
  for (const name of step.recordHeaders ?? []) {
    const value = String(got.headers[name] ?? '<absent>');
    out['headers'] = { ...out['headers'], [name]: plainString(value, seen) };
  }
  if (step.grep !== undefined) {
    const found = (pattern: string) => new RegExp(pattern).exec(got.text)?.[0] ?? '<no match>';
    const values = step.grep.map((each) => [each, plainString(found(each), seen)] as const);
    return { ...out, values: Object.fromEntries(values) };
  }
  if (step.compare === 'status' && !isFailure(got.body)) return out;
  let body = plainBody(got.body, seen);
  if (typeof body !== 'string') for (const path of ignore) drop(body, path);
  if (step.compare === 'types') body = typesOf(body);
  return step.only === undefined
    ? { ...out, body }
    : { ...out, values: picked(body, step.only, seen) };
}

function picked(value: Json, paths: readonly string[], seen: Seen): Json {
  return Object.fromEntries(
    paths.map((path) => [plainString(path, seen), pick(value, path.replaceAll(seen.run, '<run>'))]),
  );
}

function typesOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(typesOf);
  if (value === null || typeof value !== 'object') return `<${typeof value}>`;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, typesOf(each)]));
}
