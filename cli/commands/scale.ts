/** `berth scale`: the number of replicas, through the scale subresource. */
import type { Command } from 'commander';
import { newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName } from '../verbs/kinds.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { pathOf, readSelection } from '../verbs/targets.ts';

interface ScaleOptions extends SessionOptions {
  readonly replicas?: number;
}

const replicasMax = 1_000_000;

export function scaleCommand(): Command {
  const command = newCommand({
    name: 'scale',
    purpose: 'Changes how many replicas there should be.',
    examples: ['berth scale workload/web --replicas 5', 'berth scale workload web db --replicas 0'],
  })
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option('--replicas <number>', 'how many', wholeNumber('--replicas', 0, replicasMax));
  return addSessionOptions(command).action((kind: string, names: string[], options: ScaleOptions) =>
    withSession(options, (session) => scale(session, [kind, ...names], options)),
  );
}

async function scale(
  session: Session,
  words: readonly string[],
  { replicas }: ScaleOptions,
): Promise<void> {
  if (replicas === undefined) throw usage('say how many: --replicas NUMBER');
  const selection = readSelection(await discoverKinds(session), words);
  if (selection.type === 'kinds') throw usage('name what to scale: KIND/NAME, like workload/web');
  for (const target of selection.targets) {
    if (!target.kind.subresources.includes('scale')) {
      throw new Failure(`a ${target.kind.kind} cannot be scaled: it has no replicas`);
    }
    await session.call({
      method: 'PATCH',
      path: pathOf(target, session.namespace, 'scale'),
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas } },
    });
    process.stdout.write(`${displayName(target.kind)}/${target.name} scaled\n`);
  }
}
