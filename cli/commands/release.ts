/** `berth release`: what a pod runs goes on without Berth. */
import type { Command } from 'commander';
import { releaseAnnotation, releaseObstacle } from '../../api/adoption.ts';
import type { Pod, VM } from '../../api/kinds.gen.ts';
import { StatusError } from '../../api/status.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { systemClock } from '../../lib/clock.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { instanceNamed, instancePath } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

const pollMs = 100;
const patienceMs = 30_000;

export function releaseCommand(): Command {
  const command = newCommand({
    name: 'release',
    purpose:
      'Gives away what a pod or a VM runs: it goes on untouched, under Docker, systemd or libvirt alone,\n' +
      'and the object goes. "berth adopt" is the inverse.',
    examples: ['berth release pod/web', 'berth release web -n shop', 'berth release vm/db'],
  }).argument('<what>', 'POD, pod/NAME or vm/NAME');
  return addSessionOptions(command).action((what: string, options: SessionOptions) =>
    withSession(options, (session) => release(session, what)),
  );
}

async function release(session: Session, word: string): Promise<void> {
  const instance = await instanceNamed(session, word);
  const isVm = instance.resource === 'vms';
  const path = instancePath(session, instance, '').replace(/\/$/, '');
  const { body } = await session.call({ path });
  // What the path names.
  const pod = isVm ? podOfVm(body as unknown as VM) : (body as unknown as Pod);
  const obstacle = releaseObstacle(pod);
  if (obstacle !== undefined) throw new Failure(obstacle);
  await session.call({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [releaseAnnotation]: 'true' } } },
  });
  await untilGone(session, path, pod, isVm ? 'vm' : 'pod');
  const ids = pod.status?.containerStatuses?.map(({ containerID }) => containerID) ?? [];
  const things = ids.filter((id) => id !== undefined).join(', ');
  process.stdout.write(
    `${isVm ? 'vm' : 'pod'}/${instance.name} released: ${things || 'nothing of it ran'}\n`,
  );
}

async function untilGone(
  session: Session,
  path: string,
  { metadata }: Pod,
  word: string,
): Promise<void> {
  const untilMs = systemClock.now() + patienceMs;
  while (systemClock.now() < untilMs) {
    try {
      const found = (await session.call({ path })).body as unknown as Pod;
      if (found.metadata.uid !== metadata.uid) return;
    } catch (error) {
      if (error instanceof StatusError && error.code === 404) return;
      throw error;
    }
    await systemClock.sleep(pollMs);
  }
  throw new Failure(
    `it was not released within ${patienceMs / 1_000} s: "kubectl describe ${word} ${metadata.name}" says ` +
      'more; it will be as soon as its node answers',
  );
}
