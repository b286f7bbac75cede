/** `berth suspend` and `berth resume`: containers, processes and virtual machines halted, and going on. */
import type { Command } from 'commander';
import type { Pod } from '../../api/kinds.gen.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { wishOfMachine } from '../verbs/machine-wishes.ts';
import { type Instance, instanceNamed, instancePath } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

type Verb = 'suspend' | 'resume';

export function suspendCommand(): Command {
  return commandOf('suspend', {
    purpose:
      'Halts all that runs of pods and virtual machines where it is. It keeps its memory, its address and\n' +
      'its place, serves nobody, and is not checked meanwhile.',
    examples: ['berth suspend pod/web', 'berth suspend pod/web vm/db -n shop'],
  });
}

export function resumeCommand(): Command {
  return commandOf('resume', {
    purpose: 'Lets go on what "berth suspend" has halted.',
    examples: ['berth resume pod/web', 'berth resume pod/web vm/db -n shop'],
  });
}

function commandOf(
  name: Verb,
  text: { readonly purpose: string; readonly examples: readonly string[] },
): Command {
  const command = newCommand({ name, ...text }).argument('<what...>', 'POD, pod/NAME or vm/NAME');
  return addSessionOptions(command).action((words: string[], options: SessionOptions) =>
    withSession(options, async (session) => {
      for (const word of words) {
        const instance = await instanceNamed(session, word);
        if (instance.resource === 'vms') await wishOfMachine(session, instance, name);
        else await wishOfPod(session, instance, name);
      }
    }),
  );
}

async function wishOfPod(session: Session, pod: Instance, verb: Verb): Promise<void> {
  const path = instancePath(session, pod, '').replace(/\/$/, '');
  // What the path names.
  const { metadata, status } = (await session.call({ path })).body as unknown as Pod;
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') {
    throw new Failure(`pod/${pod.name}: cannot ${verb} a pod that has ended`);
  }
  const wanted = verb === 'suspend';
  const known = metadata.annotations?.['berth.dev/paused'] === 'true';
  const annotations = { 'berth.dev/paused': wanted ? 'true' : null };
  const contentType = 'application/merge-patch+json';
  await session.call({ method: 'PATCH', path, contentType, body: { metadata: { annotations } } });
  const already = known === wanted ? ', as it does already' : '';
  process.stdout.write(`pod/${pod.name} shall ${wanted ? 'be paused' : 'go on'}${already}\n`);
}
