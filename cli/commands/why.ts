/** `berth why`: what the scheduler says of an instance, for people. */
import type { Command } from 'commander';
import type { Why, WhyClass, WhyObstacle } from '../../api/kinds.gen.ts';
import { newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName } from '../verbs/kinds.ts';
import { checkOutput, printWhole } from '../verbs/output.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { align } from '../verbs/table.ts';
import { pathOf, readSelection } from '../verbs/targets.ts';

interface WhyOptions extends SessionOptions {
  readonly output?: string;
}

export function whyCommand(): Command {
  const command = newCommand({
    name: 'why',
    purpose:
      'Explains why a pod, a VM or the instances of a workload are where they are; or, where there is no ' +
      'node for them, what stands in the way on which nodes, and the smallest change that would help.',
    examples: [
      'berth why pod/web-0',
      'berth why vm db                               # a virtual machine',
      'berth why workload/web                        # all its instances',
      'berth why pod/web-0 -o yaml                   # the same as data',
    ],
  })
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option('-o, --output <format>', 'json, yaml');
  return addSessionOptions(command).action((kind: string, names: string[], options: WhyOptions) =>
    withSession(options, (session) => why(session, [kind, ...names], options)),
  );
}

async function why(
  session: Session,
  words: readonly string[],
  { output }: WhyOptions,
): Promise<void> {
  checkOutput(output);
  const selection = readSelection(await discoverKinds(session), words);
  if (selection.type === 'kinds') throw usage('name what to explain: KIND/NAME, like pod/web-0');
  for (const target of selection.targets) {
    if (!target.kind.subresources.includes('why')) {
      throw new Failure(
        `a ${target.kind.kind} is not placed on a node: ask for a pod, vm or workload`,
      );
    }
    const path = pathOf(target, session.namespace, 'why');
    const { body } = await session.call({ path });
    if (output !== undefined) await printWhole(body, output);
    // The server answers with the kind Why.
    else
      process.stdout.write(
        whyText(`${displayName(target.kind)}/${target.name}`, body as Partial<Why>),
      );
  }
}

/** Pure. */
export function whyText(name: string, answer: Partial<Why>): string {
  const { state = '', message = '', classes = [], candidates = [], waitsFor = [] } = answer;
  const lines = [`${name}: ${state}`, `  ${message}`];
  if (waitsFor.length > 0) {
    lines.push('', 'Waits for:');
    for (const { reason, message: text } of waitsFor) lines.push(`  ${reason}: ${text}`);
  }
  if (classes.length > 0) {
    lines.push('', 'Nodes that refuse it:', ...indented(classes.flatMap(classRows), classHead));
  }
  if (candidates.length > 0) {
    const rows = candidates.map(({ node = '', score, instances, used = '' }) => [
      node,
      String(score ?? ''),
      String(instances ?? ''),
      used,
    ]);
    const { candidateNodes = candidates.length } = answer;
    const head = ['NODE', 'SCORE', 'INSTANCES', 'USED AFTER'];
    lines.push('', `Nodes that can take it (${candidateNodes}):`, ...indented(rows, head));
  }
  const { instances = [] } = answer;
  if (instances.length > 0) {
    const rows = instances.map((each) => [
      each.name ?? '',
      each.state ?? '',
      each.node ?? '<none>',
      each.message ?? '',
    ]);
    lines.push('', 'Instances:', ...indented(rows, ['NAME', 'STATE', 'NODE', 'WHY']));
  }
  return `${lines.join('\n')}\n`;
}

const classHead = ['NODES', 'EXAMPLE', 'REASON', 'ASKED', 'FREE', 'SMALLEST CHANGE'];

function classRows({ nodes, example = '', obstacles = [] }: WhyClass): string[][] {
  return obstacles.map((obstacle, i) => [
    ...(i === 0 ? [String(nodes), example] : ['', '']),
    ...obstacleCells(obstacle),
  ]);
}

function obstacleCells({
  reason = '',
  asked = '',
  free = '',
  changes = [],
}: WhyObstacle): string[] {
  return [reason, asked, free, changes.join('; ')];
}

function indented(rows: readonly (readonly string[])[], head: readonly string[]): string[] {
  return align([head, ...rows]).map((line) => `  ${line}`);
}
