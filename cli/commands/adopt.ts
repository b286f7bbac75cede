/** `berth adopt`: what runs on a node without Berth comes under its management, untouched. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { AdoptablePod } from '../../api/adoption.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import { withQuery } from '../../client/paths.ts';
import { systemClock } from '../../lib/clock.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

interface AdoptOptions extends SessionOptions {
  readonly node?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
}

const pollMs = 100;
const patienceMs = 60_000;

export function adoptCommand(): Command {
  const command = newCommand({
    name: 'adopt',
    purpose:
      'Takes a container or a service that runs already under management, without touching it, and\n' +
      'writes the pod that stands for it. "berth release" is the inverse.',
    examples: [
      'berth adopt docker/web                       # on this node',
      'berth adopt systemd/nginx.service --node n2 -n shop --name web',
      'berth adopt docker/web --dry-run             # only prints the pod',
    ],
  })
    .argument('<what>', 'docker/CONTAINER or systemd/UNIT')
    .option('--node <name>', 'where it runs (default: this machine, or the only node)')
    .option('--name <name>', "the pod's name (default: its own)")
    .option('--dry-run', 'prints the pod and changes nothing');
  return addSessionOptions(command).action((what: string, options: AdoptOptions) =>
    withSession(options, (session) => adopt(session, what, options)),
  );
}

async function adopt(session: Session, what: string, options: AdoptOptions): Promise<void> {
  const node = options.node ?? (await nodeHere(session));
  const path = withQuery(`/api/v1/nodes/${encodeURIComponent(node)}/adoptable`, { target: what });
  // The agent's answer, handed on by the server.
  const { pod, lacking } = (await session.call({ path })).body as unknown as AdoptablePod;
  const name = options.name ?? pod.metadata.name ?? '';
  const wanted: Pod = { ...pod, metadata: { ...pod.metadata, name } };
  if (options.dryRun) {
    const { stringify } = await import('yaml');
    process.stdout.write(stringify(wanted));
    for (const each of lacking) process.stderr.write(`berth: not taken over: ${each}\n`);
    return;
  }
  const pods = `/api/v1/namespaces/${encodeURIComponent(session.namespace)}/pods`;
  await session.call({ method: 'POST', path: pods, body: wanted });
  await untilAdopted(session, `${pods}/${name}`);
  process.stdout.write(`pod/${name} adopted: ${what} on node ${node} runs on as it did\n`);
  for (const each of lacking) process.stderr.write(`berth: after a restart without: ${each}\n`);
}

/** This machine, or the only one there is. */
async function nodeHere(session: Session): Promise<string> {
  const { body } = await session.call({ path: '/api/v1/nodes' });
  // A list has items, and each its name.
  const items = body['items'] as readonly { readonly metadata: { readonly name: string } }[];
  const names = items.map(({ metadata }) => metadata.name);
  const own =
    names.find((name) => name === hostname()) ?? (names.length === 1 ? names[0] : undefined);
  if (own !== undefined) return own;
  throw new Failure(`say with --node where it runs: ${names.join(', ')}`, { exitCode: 2 });
}

/** A pod that nothing could be adopted for is taken back. */
async function untilAdopted(session: Session, path: string): Promise<void> {
  const untilMs = systemClock.now() + patienceMs;
  for (;;) {
    // What the path names.
    const { status } = (await session.call({ path })).body as unknown as Pod;
    const [container] = status?.containerStatuses ?? [];
    if (container?.containerID !== undefined) return;
    const waiting = container?.state?.waiting;
    const late = systemClock.now() > untilMs ? 'the agent of the node does not answer' : undefined;
    const why = waiting?.reason === 'FailedAdopt' ? waiting.message : late;
    if (why !== undefined) {
      await session.call({ method: 'DELETE', path: withQuery(path, { gracePeriodSeconds: '0' }) });
      throw new Failure(`${why}; nothing was changed`);
    }
    await systemClock.sleep(pollMs);
  }
}
