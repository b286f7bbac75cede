/**
 * Replays the older form of recordings: `request` and `response`, with `<uid>`, `<rv>`, `<time>` and the
 * like for what is a server's own. Files belong together: the first sets up what the others use.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Asker } from './ask.ts';
import { brief, isFailure } from './compare.ts';
import { isObject, type Json, pick } from './json-path.ts';
import type { Outcome } from './replay.ts';
import type { RecordedRequest, Step } from './scenario.ts';

interface GoldenRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: Json;
  readonly raw?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly capture?: Readonly<Record<string, string>>;
  readonly waitFor?: Json;
  readonly ignoreBody?: boolean;
  readonly namesOnly?: boolean;
  readonly token?: string;
}

interface GoldenStep {
  readonly name: string;
  readonly request?: GoldenRequest;
  readonly response: { readonly status: number; readonly body?: Json };
  readonly webhookCalls?: readonly Json[];
}

interface GoldenFile {
  readonly scenario: string;
  readonly steps: readonly GoldenStep[];
}

interface LeftOut {
  readonly paths: Readonly<Record<string, string>>;
  readonly steps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly fields: readonly LeftOutField[];
}

interface LeftOutField {
  /** A pattern of where it stands in the answer. */
  readonly at: string;
  /** Only in answers of this kind, and tables of them. */
  readonly kind?: string;
  /** Only where it was recorded as null and is not there now. */
  readonly now?: 'absent';
  readonly reason: string;
}

const list: LeftOut = parse(readFileSync(new URL('golden-left-out.yaml', import.meta.url), 'utf8'));

export async function replayGolden(file: GoldenFile, asker: Asker): Promise<Outcome> {
  const vars: Record<string, string> = { run: 'golden' };
  const log: string[] = [];
  let passed = 0;
  let failed = 0;
  for (const step of file.steps) {
    const reason = leftOut(file.scenario, step);
    if (reason !== undefined || step.request === undefined) {
      log.push(`  - left out: ${step.name}: ${reason}`);
      continue;
    }
    const why = await run(step, step.request, asker, vars).catch((error) => [String(error)]);
    if (why.length === 0) passed += 1;
    else {
      failed += 1;
      log.push(`  ✗ ${file.scenario} "${step.name}"  ${step.request.method} ${step.request.path}`);
      log.push(...why.slice(0, 8).map((line) => `      ${line}`));
    }
  }
  return { passed, failed, log };
}

function leftOut(
  scenario: string,
  { name, request, webhookCalls }: GoldenStep,
): string | undefined {
  if (request === undefined) return 'needs the recorder: a watch, a compaction or a restart';
  if (request.token !== undefined) return 'needs tokens of the recorded server';
  if ((webhookCalls ?? []).length > 0) return 'needs the recorded webhook';
  return (
    list.steps[scenario]?.[name] ??
    Object.entries(list.paths).find(([part]) => request.path.includes(part))?.[1]
  );
}

async function run(
  { response }: GoldenStep,
  golden: GoldenRequest,
  asker: Asker,
  vars: Record<string, string>,
): Promise<string[]> {
  const headers: Record<string, string> = { 'User-Agent': 'golden', ...golden.headers };
  if (golden.contentType !== undefined) headers['Content-Type'] = golden.contentType;
  if (golden.accept !== undefined) headers['Accept'] = golden.accept;
  const { method, path } = golden;
  const request: RecordedRequest = {
    ...{ method, path, headers },
    ...(golden.raw === undefined ? { body: golden.body } : { bodyText: golden.raw }),
  };
  const step: Step = { name: '' };
  const answer =
    golden.waitFor === undefined
      ? await asker.call(request, vars)
      : await asker
          .poll(step, request, vars, ({ status, body }) => met(golden, status, body))
          .catch((error) => {
            // What was waited for may never have come: then the answer of that moment was recorded.
            if (golden.waitFor.orTimeout === undefined) throw error;
            return asker.call(request, vars);
          });
  for (const [name, where] of Object.entries(golden.capture ?? {}))
    vars[name] = String(pick(answer.body, where));
  const found: string[] = [];
  if (answer.status !== response.status)
    found.push(`status: recorded ${response.status}, now ${answer.status} ${brief(answer.body)}`);
  if (found.length > 0 || golden.ignoreBody === true || response.body === undefined) return found;
  const body = golden.namesOnly === true ? namesOnly(answer.body) : answer.body;
  compare(response.body, body, '', found);
  const kind = response.body?.rows?.[0]?.object?.kind ?? response.body?.kind;
  return found.filter((line) => !list.fields.some((field) => isLeftOut(field, line, kind)));
}

/** `line` is as `compare` writes it. */
function isLeftOut({ at, kind, now }: LeftOutField, line: string, ofKind: unknown): boolean {
  const where = line.slice(0, line.indexOf(': recorded'));
  if (kind !== undefined && kind !== ofKind && ofKind !== 'PartialObjectMetadata') return false;
  if (now === 'absent' && !line.endsWith('recorded null, now (absent)')) return false;
  return new RegExp(at).test(where);
}

function met({ waitFor }: GoldenRequest, status: number, body: Json): boolean {
  if (waitFor.status !== undefined && waitFor.status !== status) return false;
  if (waitFor.path === undefined) return true;
  const value = pick(body, waitFor.path);
  const wanted = waitFor.equals ?? waitFor.value;
  if (wanted !== undefined) return value === wanted;
  return value !== undefined && value !== '<absent>';
}

function namesOnly(body: Json): Json {
  if (!Array.isArray(body?.items)) return body;
  const { kind, apiVersion, metadata, items } = body;
  return { kind, apiVersion, metadata, itemNames: items.map(fullName) };
}

/** As recorded: `namespace/name`, and the name alone for what lies in no namespace. */
function fullName({ metadata: { namespace, name } }: Json): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

const mask = /<[a-z0-9]+>/g;

function compare(want: Json, got: Json, at: string, found: string[]): void {
  if (typeof want === 'string' && typeof got === 'string' && want.search(mask) >= 0) {
    const source = want
      .split(mask)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+');
    if (new RegExp(`^${source}$`, 's').test(got)) return;
  }
  if (Array.isArray(want) && Array.isArray(got) && want.length === got.length) {
    const causes = at.endsWith('causes');
    const order = (list: Json[]) =>
      causes ? [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1)) : list;
    const [left, right] = [order(want), order(got)];
    for (const [i, each] of left.entries()) compare(each, right[i], `${at}[${i}]`, found);
    return;
  }
  if (isObject(want) && isObject(got)) {
    // How values are shown has changed between versions: the field and the reason count.
    const worded = isFailure(want) || at.includes('.causes[');
    const skipped = worded ? ['message', 'managedFields'] : ['managedFields'];
    for (const name of new Set([...Object.keys(want), ...Object.keys(got)]))
      if (!skipped.includes(name)) compare(want[name], got[name], `${at}.${name}`, found);
    return;
  }
  if (want !== got) found.push(`${at}: recorded ${brief(want)}, now ${brief(got)}`);
}

function key(cause: Json): string {
  return `${cause?.field} ${cause?.reason}`;
}
