/** `berth adopt`: what runs on a node without Berth comes under its management, untouched. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { AdoptableObject } from '../../api/adoption.ts';
import type { Pod, VM } from '../../api/kinds.gen.ts';
import { withQuery } from '../../client/paths.ts';
import { systemClock } from '../../lib/clock.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { instancePath } from '../verbs/pods.ts';
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
      'Takes a container, a service or a virtual machine that runs already under management, without\n' +
      'touching it, and writes the pod or VM that stands for it. "berth release" is the inverse.',
    examples: [
      'berth adopt docker/web                       # on this node',
      'berth adopt systemd/nginx.service --node n2 -n shop --name web',
      'berth adopt libvirt/db                       # also one that is shut off',
      'berth adopt docker/web --dry-run             # only prints the pod',
    ],
  })
    .argument('<what>', 'docker/CONTAINER, systemd/UNIT or libvirt/DOMAIN')
    .option('--node <name>', 'where it runs (default: this machine, or the only node)')
    .option('--name <name>', "the object's name (default: its own)")
    .option('--dry-run', 'prints the object and changes nothing');
  return addSessionOptions(command).action((what: string, options: AdoptOptions) =>
    withSession(options, (session) => adopt(session, what, options)),
  );
}

async function adopt(session: Session, what: string, options: AdoptOptions): Promise<void> {
  const node = options.node ?? (await nodeHere(session));
  const path = withQuery(`/api/v1/nodes/${encodeURIComponent(node)}/adoptable`, { target: what });
  // The agent's answer, handed on by the server.
  const found = (await session.call({ path })).body as unknown as AdoptableObject;
  const { lacking } = found;
  const { object, resource, word, lost } =
    'vm' in found
      ? ({ object: found.vm, resource: 'vms', word: 'vm', lost: 'not possible' } as const)
      : ({
          object: found.pod,
          resource: 'pods',
          word: 'pod',
          lost: 'after a restart without',
        } as const);
  const name = options.name ?? object.metadata.name ?? '';
  const wanted: Pod | VM = { ...object, metadata: { ...object.metadata, name } };
  if (options.dryRun) {
    const { stringify } = await import('yaml');
    process.stdout.write(stringify(wanted));
    for (const each of lacking) process.stderr.write(`berth: not taken over: ${each}\n`);
    return;
  }
  const own = instancePath(session, { resource, name }, '').replace(/\/$/, '');
  const all = own.slice(0, own.lastIndexOf('/'));
  await session.call({ method: 'POST', path: all, body: wanted });
  await untilAdopted(session, own);
  const as = 'vm' in found && found.vm.spec.running === false ? 'stays off' : 'runs on as it did';
  process.stdout.write(`${word}/${name} adopted: ${what} on node ${node} ${as}\n`);
  for (const each of lacking) process.stderr.write(`berth: ${lost}: ${each}\n`);
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

/** An object that nothing could be adopted for is taken back. */
async function untilAdopted(session: Session, path: string): Promise<void> {
  const untilMs = systemClock.now() + patienceMs;
  for (;;) {
    // What the path names.
    const { isDone, refused } = progressOf(
      (await session.call({ path })).body as unknown as Pod | VM,
    );
    if (isDone) return;
    const late = systemClock.now() > untilMs ? 'the agent of the node does not answer' : undefined;
    const why = refused ?? late;
    if (why !== undefined) {
      await session.call({ method: 'DELETE', path: withQuery(path, { gracePeriodSeconds: '0' }) });
      throw new Failure(`${why}; nothing was changed`);
    }
    await systemClock.sleep(pollMs);
  }
}

function progressOf(object: Pod | VM): { isDone: boolean; refused?: string } {
  if (isVmObject(object)) {
    const { domain, reason, message = '' } = object.status ?? {};
    const refused = reason === 'FailedAdopt' ? { refused: message } : {};
    return { isDone: domain !== undefined, ...refused };
  }
  const [container] = object.status?.containerStatuses ?? [];
  const waiting = container?.state?.waiting;
  const refused = waiting?.reason === 'FailedAdopt' ? { refused: waiting.message ?? '' } : {};
  return { isDone: container?.containerID !== undefined, ...refused };
}

function isVmObject(object: Pod | VM): object is VM {
  return object.kind === 'VM';
}
