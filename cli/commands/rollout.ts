/** `berth rollout`: what `kubectl rollout` does for its own kinds, for Workloads. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { equal } from '../../api/json.ts';
import type { PodTemplateSpec, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { withQuery } from '../../client/paths.ts';
import { durationMs, newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName } from '../verbs/kinds.ts';
import {
  causeAnnotation,
  type KeptRevision,
  pickRevision,
  revisionsOf,
  wayBack,
} from '../verbs/revisions.ts';
import { rolloutStatus } from '../verbs/rollout-status.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { formatTable } from '../verbs/table.ts';
import { pathOf, readSelection, type Target } from '../verbs/targets.ts';

interface RolloutOptions extends SessionOptions {
  readonly watch?: string;
  readonly timeout?: number;
  readonly revision?: number;
  readonly toRevision?: number;
  readonly output?: string;
  readonly dryRun?: string;
}

type Action = (session: Session, target: Target, options: RolloutOptions) => Promise<void>;

const pollMs = 200;
const revisionMax = 1_000_000_000;
const revisionNumber = (flag: string) => wholeNumber(flag, 0, revisionMax);

/** kubectl's annotation: another template, and so new instances. */
const restartAnnotation = 'kubectl.kubernetes.io/restartedAt';

export function rolloutCommand(): Command {
  return newCommand({
    name: 'rollout',
    purpose:
      'Looks after the rollout of Workloads: kubectl rollout, which knows only its own kinds.',
    examples: [
      'berth rollout status workload/web',
      'berth rollout history workload/web --revision 2',
      'berth rollout undo workload/web',
    ],
  })
    .addCommand(
      part('status', 'Follows a rollout to its end; fails when it makes no progress.', status)
        .option('--watch <boolean>', 'follow it to its end; default true')
        .option('--timeout <duration>', 'give up after so long', durationMs)
        .option('--revision <number>', 'fail when another is newer', revisionNumber('--revision')),
    )
    .addCommand(
      part('history', 'Lists the revisions that are kept, or shows one.', history)
        .option('--revision <number>', 'show this one', revisionNumber('--revision'))
        .option('-o, --output <format>', 'json or yaml: the ControllerRevision as it is'),
    )
    .addCommand(
      part('undo', 'Goes back to the revision before, or to another that is kept.', undo)
        .option('--to-revision <number>', 'which one', revisionNumber('--to-revision'))
        .option('--dry-run <how>', 'server or client: say only what would be done'),
    )
    .addCommand(part('pause', 'Holds a rollout where it is.', pause))
    .addCommand(part('resume', 'Lets a paused rollout go on.', resume))
    .addCommand(part('restart', 'Replaces every instance, step by step.', restart));
}

function part(name: string, purpose: string, action: Action): Command {
  const command = newCommand({ name, purpose, examples: [`berth rollout ${name} workload/web`] })
    .name(name)
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names');
  return addSessionOptions(command).action(
    (kind: string, names: string[], options: RolloutOptions) =>
      withSession(options, async (session) => {
        for (const target of await targetsOf(session, [kind, ...names])) {
          await action(session, target, options);
        }
      }),
  );
}

async function targetsOf(session: Session, words: readonly string[]): Promise<readonly Target[]> {
  const selection = readSelection(await discoverKinds(session), words);
  if (selection.type === 'kinds')
    throw usage('name what to roll out: KIND/NAME, like workload/web');
  for (const { kind } of selection.targets) {
    if (kind.group !== 'berth.dev' || kind.kind !== 'Workload') {
      throw new Failure(`a ${kind.kind} is not rolled out: only Workloads are`);
    }
  }
  return selection.targets;
}

async function status(
  session: Session,
  target: Target,
  { watch = 'true', timeout, revision }: RolloutOptions,
): Promise<void> {
  const deadlineMs = Date.now() + (timeout ?? Number.POSITIVE_INFINITY);
  let told = '';
  for (;;) {
    const workload = await read(session, target);
    if (revision !== undefined && revision > 0) await expectRevision(session, workload, revision);
    const now = rolloutStatus(workload);
    if (now.type === 'failed') throw new Failure(now.message);
    if (now.message !== told) process.stdout.write(`${now.message}\n`);
    told = now.message;
    if (now.type === 'done' || watch === 'false') return;
    if (Date.now() >= deadlineMs) throw new Failure('timed out waiting for the condition');
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function expectRevision(session: Session, workload: Workload, wanted: number): Promise<void> {
  const newest = (await revisionsOf(session, workload)).at(-1)?.number ?? 0;
  if (newest === wanted) return;
  throw new Failure(
    `desired revision (${wanted}) is different from the running revision (${newest})`,
  );
}

async function history(
  session: Session,
  target: Target,
  { revision = 0, output }: RolloutOptions,
): Promise<void> {
  const workload = await read(session, target);
  const kept = await revisionsOf(session, workload);
  const named = `${displayName(target.kind)}/${target.name}`;
  if (revision === 0 && output === undefined) {
    process.stdout.write(`${named}\n${historyTable(kept).join('\n')}\n`);
    return;
  }
  const chosen = revision === 0 ? kept.at(-1) : pickRevision(kept, revision, target.name);
  if (chosen === undefined) throw new Failure(`no rollout history found for ${named}`);
  const { object, content } = chosen;
  if (output === 'json') process.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
  else if (output === 'yaml') process.stdout.write(stringify(object));
  else if (output !== undefined) throw usage(`-o ${output} is not known: json or yaml`);
  else {
    const text = stringify({ 'Pod Template': content.template });
    process.stdout.write(`${named} with revision #${chosen.number}\n${text}`);
  }
}

function historyTable(kept: readonly KeptRevision[]): readonly string[] {
  const columnDefinitions = [{ name: 'Revision' }, { name: 'Change-Cause' }];
  const rows = kept.map(({ number, cause }) => ({ cells: [String(number), cause ?? '<none>'] }));
  const style = { wide: false, namespaces: false };
  return formatTable({ kind: 'Table', columnDefinitions, rows }, style);
}

async function undo(
  session: Session,
  target: Target,
  { toRevision = 0, dryRun }: RolloutOptions,
): Promise<void> {
  const workload = await read(session, target);
  if (workload.spec.paused === true) {
    throw new Failure(
      `cannot roll back the paused workload "${target.name}": ` +
        'resume it first with "berth rollout resume" and try again',
    );
  }
  const chosen = pickRevision(await revisionsOf(session, workload), toRevision, target.name);
  const { template, pinned } = await wayBack(session, chosen);
  const named = `${displayName(target.kind)}/${target.name}`;
  const { runtime = 'docker', addresses } = workload.spec;
  const { pool } = chosen.content.addresses ?? {};
  const isRight = chosen.content.runtime === runtime && pool === addresses?.pool;
  if (isRight && same(template, workload.spec.template)) {
    const why = `current template already matches revision ${chosen.number}`;
    process.stdout.write(`${named} skipped rollback (${why})\n`);
    return;
  }
  const annotations = { ...workload.metadata.annotations };
  if (chosen.cause === undefined) delete annotations[causeAnnotation];
  else annotations[causeAnnotation] = chosen.cause;
  const body = [
    { op: 'replace', path: '/spec/template', value: template },
    { op: 'add', path: '/spec/runtime', value: chosen.content.runtime },
    // `null` would be an error, and what is not there cannot be removed.
    ...(pool === undefined ? [] : [{ op: 'add', path: '/spec/addresses', value: { pool } }]),
    ...(pool === undefined && addresses !== undefined
      ? [{ op: 'remove', path: '/spec/addresses' }]
      : []),
    { op: 'add', path: '/metadata/annotations', value: annotations },
  ];
  const dry = dryRun !== undefined && dryRun !== 'none';
  const path = withQuery(pathOf(target, session.namespace), dry ? { dryRun: 'All' } : {});
  await session.call({ method: 'PATCH', path, contentType: 'application/json-patch+json', body });
  for (const { ref, source } of pinned) {
    process.stderr.write(
      `Note: ${ref.kind} "${source}" has changed since, so the template names the copy of what it ` +
        `was, "${ref.name}". Apply your manifest to follow "${source}" again.\n`,
    );
  }
  process.stdout.write(`${named} rolled back${dry ? ' (dry run)' : ''}\n`);
}

async function pause(session: Session, target: Target): Promise<void> {
  const { spec } = await read(session, target);
  if (spec.paused === true) throw new Failure(`workload "${target.name}" is already paused`);
  await change(session, target, { spec: { paused: true } }, 'paused');
}

async function resume(session: Session, target: Target): Promise<void> {
  const { spec } = await read(session, target);
  if (spec.paused !== true) throw new Failure(`workload "${target.name}" is not paused`);
  await change(session, target, { spec: { paused: null } }, 'resumed');
}

async function restart(session: Session, target: Target): Promise<void> {
  const { spec } = await read(session, target);
  if (spec.paused === true) {
    throw new Failure(
      `cannot restart the paused workload "${target.name}": run "berth rollout resume" first`,
    );
  }
  const annotations = { [restartAnnotation]: new Date().toISOString() };
  const template = { metadata: { annotations } };
  await change(session, target, { spec: { template } }, 'restarted');
}

async function read(session: Session, target: Target): Promise<Workload> {
  const { body } = await session.call({ path: pathOf(target, session.namespace) });
  return body as unknown as Workload; // The API's answer for the path.
}

async function change(
  session: Session,
  target: Target,
  body: JsonObject,
  done: string,
): Promise<void> {
  const contentType = 'application/merge-patch+json';
  const path = pathOf(target, session.namespace);
  await session.call({ method: 'PATCH', path, contentType, body });
  process.stdout.write(`${displayName(target.kind)}/${target.name} ${done}\n`);
}

function same(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  const plain = (template: PodTemplateSpec) => JSON.parse(JSON.stringify(template)) as JsonValue; // It came as JSON.
  return equal(plain(a), plain(b));
}
