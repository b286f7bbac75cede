/** `berth capacity`: how many more of a template would fit. */
import type { Command } from 'commander';
import type { Capacity, CapacityNode, CapacityStatus } from '../../api/kinds.gen.ts';
import { collectionPath } from '../../client/paths.ts';
import { newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { readManifests } from '../verbs/manifests.ts';
import { checkOutput, printWhole } from '../verbs/output.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { align } from '../verbs/table.ts';

interface CapacityOptions extends SessionOptions {
  readonly filename?: string;
  readonly strategy?: string;
  readonly count?: number;
  readonly limit?: number;
  readonly output?: string;
}

const capacities = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'capacities',
  kind: 'Capacity',
  namespaced: true,
};

const strategies = ['Spread', 'Fill', 'Each', 'Global', 'Drained'];
const countMax = 1_000_000;

export function capacityCommand(): Command {
  const command = newCommand({
    name: 'capacity',
    purpose:
      'Tells how many more instances of a Pod, VM or Workload would fit now, on each node and in all; with ' +
      '--count also how so many would be laid out at once, or why they cannot be. Nothing is written.',
    examples: [
      'berth capacity -f web.yaml',
      'berth capacity -f web.yaml --count 20         # where 20 more would go',
      'berth capacity -f web.yaml --strategy Each --count 2 --limit 3   # 2 on each of 3 nodes',
      'berth capacity -f web.yaml --strategy Fill --count 4             # up to 4 on every node',
    ],
    exitCodes: '0 done, 1 --count cannot be laid out, 2 wrong usage',
  })
    .option('-f, --filename <path>', 'file with one object, or - for standard input')
    .option('--strategy <name>', strategies.join(', '))
    .option('--count <number>', 'lay out so many', wholeNumber('--count', 1, countMax))
    .option(
      '--limit <number>',
      'Spread: the most for one node; Each, Fill: how many nodes',
      wholeNumber('--limit', 0, countMax),
    )
    .option('-o, --output <format>', 'json, yaml');
  return addSessionOptions(command).action((options: CapacityOptions) =>
    withSession(options, (session) => capacity(session, options)),
  );
}

async function capacity(session: Session, options: CapacityOptions): Promise<void> {
  const { filename, strategy, count, limit, output } = options;
  if (filename === undefined) throw usage('name the template: -f FILE');
  checkOutput(output);
  if (strategy !== undefined && !strategies.includes(strategy)) {
    throw usage(`--strategy must be one of ${strategies.join(', ')}, not "${strategy}"`);
  }
  if (count === undefined && (strategy !== undefined || limit !== undefined)) {
    throw usage('--strategy and --limit say how to lay out --count: say how many');
  }
  const manifests = readManifests([filename]);
  const [manifest] = manifests;
  if (manifest === undefined || manifests.length > 1) {
    throw usage(`${filename} must hold one object, not ${manifests.length}`);
  }
  const { object } = manifest;
  const namespace = object.metadata.namespace ?? session.namespace;
  const spec = { template: object, strategy, count, limit };
  const answer = await session.call({
    method: 'POST',
    path: collectionPath(capacities, namespace),
    body: { apiVersion: 'berth.dev/v1', kind: 'Capacity', spec },
  });
  const { status = {} } = answer.body as Partial<Capacity>; // The server answers with that kind.
  if (output !== undefined) await printWhole(answer.body, output);
  else process.stdout.write(capacityText(status));
  if (status.refused !== undefined) throw new Failure(status.refused);
}

/** Pure. */
export function capacityText({ message = '', nodes = [] }: CapacityStatus): string {
  const counted = nodes.some(({ gets }) => gets !== undefined);
  const head = ['NODE', 'ROOM', 'HAS', ...(counted ? ['GETS'] : []), 'WHY NOT'];
  const rows = nodes.map((node) => cellsOf(node, counted));
  return `${[...align([head, ...rows]), '', message].join('\n')}\n`;
}

function cellsOf(node: CapacityNode, counted: boolean): string[] {
  const { name = '', room = 0, has = 0, gets = 0, message = '' } = node;
  return [name, String(room), String(has), ...(counted ? [String(gets)] : []), message];
}
