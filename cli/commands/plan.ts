/** `berth plan`: where a manifest would land, before anything is written. */
import type { Command } from 'commander';
import type { Plan, PlanPlacement, PlanStatus } from '../../api/kinds.gen.ts';
import { collectionPath } from '../../client/paths.ts';
import { newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { type Manifest, readManifests } from '../verbs/manifests.ts';
import { checkOutput, printWhole } from '../verbs/output.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { align } from '../verbs/table.ts';

interface PlanOptions extends SessionOptions {
  readonly filename?: readonly string[];
  readonly output?: string;
}

const plans = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'plans',
  kind: 'Plan',
  namespaced: true,
};

export function planCommand(): Command {
  const command = newCommand({
    name: 'plan',
    purpose:
      'Shows where pods, VMs and the instances of Workloads of a manifest would land if it were applied ' +
      'now, and what would be refused. Nothing is written.',
    examples: [
      'berth plan -f web.yaml',
      'berth plan -f examples/quickstart -n staging',
      'berth plan -f web.yaml -o json                # every instance, as data',
    ],
    exitCodes:
      '0 everything would be accepted and find a node, 1 something would not, 2 wrong usage',
  })
    .option('-f, --filename <path...>', 'file, directory, or - for standard input')
    .option('-o, --output <format>', 'json, yaml');
  return addSessionOptions(command).action((options: PlanOptions) =>
    withSession(options, (session) => plan(session, options)),
  );
}

async function plan(session: Session, { filename, output }: PlanOptions): Promise<void> {
  if (filename === undefined) throw usage('name what to plan: -f FILE');
  checkOutput(output);
  const manifests = readManifests(filename);
  const { path, objects } = askedOf(session, manifests);
  const body = { apiVersion: 'berth.dev/v1', kind: 'Plan', spec: { objects } };
  const answer = await session.call({ method: 'POST', path, body });
  const { status = {} } = answer.body as Partial<Plan>; // The server answers with that kind.
  if (output !== undefined) await printWhole(answer.body, output);
  else process.stdout.write(planText(status));
  const bad = (status.unplaced ?? 0) + (status.problems?.length ?? 0);
  // Where a person reads it, the numbers stand above already.
  const numbers = output === undefined ? undefined : status.message;
  if (bad > 0) throw new Failure(numbers ?? 'the manifest would not land as a whole');
}

/** Of one namespace: whoever may plan there need not be allowed to elsewhere. */
function askedOf({ namespace }: Session, manifests: readonly Manifest[]) {
  const objects = manifests.map(({ object }) => ({
    ...object,
    metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace },
  }));
  const all = new Set(objects.map(({ metadata }) => metadata.namespace));
  return { objects, path: collectionPath(plans, all.size === 1 ? [...all][0] : undefined) };
}

/** Pure. */
export function planText({ message = '', placements = [], problems = [] }: PlanStatus): string {
  if (placements.length + problems.length === 0) {
    return 'nothing in it is placed on a node; all of it would be accepted\n';
  }
  const blocks: (readonly string[])[] = [];
  if (placements.length > 0) {
    const head = ['OBJECT', 'INSTANCE', 'OUTCOME', 'NODE', 'WHY'];
    blocks.push(align([head, ...runsOf(placements).map(cellsOf)]));
  }
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem.object}: ${problem.message}`);
    blocks.push(['Would not be accepted:', ...lines]);
  }
  return `${[...blocks.map((lines) => lines.join('\n')), message].join('\n\n')}\n`;
}

/** Neighbours of one object that find no node for one reason are one row: `1 … 30`. */
function runsOf(placements: readonly PlanPlacement[]): readonly PlanPlacement[] {
  const runs: { readonly first: PlanPlacement; last: PlanPlacement }[] = [];
  for (const row of placements) {
    const run = runs.at(-1);
    const isAlike =
      run !== undefined &&
      row.outcome === 'Unplaced' &&
      (['kind', 'namespace', 'name', 'outcome', 'message'] as const).every(
        (field) => run.first[field] === row[field],
      );
    if (isAlike) run.last = row;
    else runs.push({ first: row, last: row });
  }
  return runs.map(({ first, last }) =>
    first === last ? first : { ...first, instance: `${first.instance} … ${last.instance}` },
  );
}

function cellsOf(row: PlanPlacement): string[] {
  const { kind = '', name = '', instance = '', outcome = '', node = '<none>', from } = row;
  const moved = from === undefined || from === node ? '' : ` (from ${from})`;
  const devices = row.devices === undefined ? [] : [JSON.stringify(row.devices)];
  const evicts = row.evicts === undefined ? [] : [`evicts ${row.evicts.join(', ')}`];
  const why = row.message ?? [...evicts, ...devices].join(' ');
  return [`${kind.toLowerCase()}/${name}`, instance, outcome, `${node}${moved}`, why];
}
