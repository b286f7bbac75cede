/** `berth trigger`: the job of a Cron workload, now. */
import type { Command } from 'commander';
import type { Workload } from '../../api/kinds.gen.ts';
import { workloads } from '../../api/resources.gen.ts';
import { collectionPath, objectPath } from '../../client/paths.ts';
import { manualJob, manualName } from '../../controllers/cron/child.ts';
import { systemRandom } from '../../lib/random.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

interface TriggerOptions extends SessionOptions {
  readonly name?: string;
}

const suffixLength = 5;

export function triggerCommand(): Command {
  const command = newCommand({
    name: 'trigger',
    purpose: 'Runs the job of a Cron workload now, besides those of its schedule.',
    examples: [
      'berth trigger backup',
      'berth trigger workload/backup --name backup-before-update',
      'berth wait --for=condition=Complete workload/backup-before-update --timeout 10m',
    ],
  })
    .argument('<workload>', 'a workload of type Cron')
    .option('--name <name>', 'name of the job; default NAME-manual-xxxxx');
  return addSessionOptions(command).action((word: string, options: TriggerOptions) =>
    withSession(options, (session) => trigger(session, word, options)),
  );
}

async function trigger(session: Session, word: string, { name }: TriggerOptions): Promise<void> {
  const cronName = word.replace(/^(workloads?|wl)(\.berth\.dev)?\//, '');
  const { namespace } = session;
  const { body } = await session.call({
    path: objectPath(workloads, { namespace, name: cronName }),
  });
  const cron = body as unknown as Workload; // What that path answers with.
  if (cron.spec.type !== 'Cron') {
    const type = cron.spec.type ?? 'Service';
    throw new Failure(`workload "${cronName}" is of type ${type}: only a Cron can be triggered`);
  }
  const job = manualJob(cron, name ?? manualName(cron, systemRandom.suffix(suffixLength)));
  const path = collectionPath(workloads, namespace);
  await session.call({ method: 'POST', path, body: job });
  process.stdout.write(`workload.berth.dev/${job.metadata.name} created\n`);
}
