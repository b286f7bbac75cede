/** `berth vm snapshot`, `restore` and `capture`: what a machine was, kept and brought back. */
import type { Command } from 'commander';
import type { VMSnapshot } from '../../api/kinds.gen.ts';
import { withQuery } from '../../client/paths.ts';
import { durationMs, newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { type Instance, instancePath, machineNamed } from './pods.ts';
import { addSessionOptions, type Session, type SessionOptions, withSession } from './session.ts';

const pollMs = 200;
const waitMs = 120_000;

interface SnapshotOptions extends SessionOptions {
  readonly name?: string;
  readonly timeout?: number;
}

export function snapshotCommand(): Command {
  const command = newCommand({
    name: 'snapshot',
    purpose:
      'Keeps its disks as they are, and its memory where it runs: makes a VMSnapshot, and waits.',
    examples: [
      'berth vm snapshot vm/db --name before-update',
      'kubectl get vmsnap; kubectl delete vmsnap before-update',
    ],
  })
    .name('snapshot')
    .argument('<vm>', 'vm/NAME')
    .option('--name <name>', 'of the VMSnapshot; default made of the name and the time')
    .option('--timeout <duration>', 'give up after so long; default 2m', durationMs);
  return addSessionOptions(command).action((vm: string, options: SnapshotOptions) =>
    withSession(options, (session) => snapshot(session, machineNamed(vm), options)),
  );
}

export function restoreCommand(): Command {
  const command = newCommand({
    name: 'restore',
    purpose: 'Goes back to a snapshot: what the machine did since is lost.',
    examples: ['berth vm restore vm/db --snapshot before-update'],
  })
    .name('restore')
    .argument('<vm>', 'vm/NAME')
    .requiredOption('--snapshot <name>', 'the VMSnapshot');
  return addSessionOptions(command).action(
    (vm: string, options: SessionOptions & { readonly snapshot: string }) =>
      withSession(options, async (session) => {
        const machine = machineNamed(vm);
        await ask(session, machine, 'restore', { snapshot: options.snapshot });
        process.stdout.write(`vm/${machine.name} is as in vmsnapshot/${options.snapshot}\n`);
      }),
  );
}

interface CaptureOptions extends SessionOptions {
  readonly to: string;
  readonly disk?: string;
}

export function captureCommand(): Command {
  const command = newCommand({
    name: 'capture',
    purpose: 'Copies a disk of a stopped machine into an image on its node.',
    examples: [
      'berth vm capture vm/db --to golden           # among the images of the node',
      'berth vm capture vm/db --disk data --to /srv/data.qcow2',
    ],
  })
    .name('capture')
    .argument('<vm>', 'vm/NAME')
    .requiredOption('--to <where>', 'a name, or a path on the node where nothing is yet')
    .option('--disk <name>', 'which disk; default the first');
  return addSessionOptions(command).action((vm: string, options: CaptureOptions) =>
    withSession(options, async (session) => {
      const machine = machineNamed(vm);
      const { to, disk } = options;
      const query = disk === undefined ? { to } : { to, disk };
      const { path } = await ask(session, machine, 'capture', query);
      process.stdout.write(`vm/${machine.name} captured: image: {path: ${path}}\n`);
    }),
  );
}

async function ask(
  session: Session,
  machine: Instance,
  what: string,
  query: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const path = withQuery(instancePath(session, machine, what), query);
  return (await session.call({ method: 'POST', path })).body;
}

async function snapshot(
  session: Session,
  { name: vm }: Instance,
  { name, timeout = waitMs }: SnapshotOptions,
): Promise<void> {
  const space = encodeURIComponent(session.namespace);
  const all = `/apis/berth.dev/v1/namespaces/${space}/vmsnapshots`;
  const metadata = name === undefined ? { generateName: `${vm}-` } : { name };
  const object = { apiVersion: 'berth.dev/v1', kind: 'VMSnapshot', metadata, spec: { vm } };
  const made = await session.call({ method: 'POST', path: all, body: object });
  const deadlineMs = Date.now() + timeout;
  // The API's answers for these paths.
  let now = made.body as unknown as VMSnapshot;
  const called = now.metadata.name ?? '';
  while (now.status?.readyToUse !== true) {
    if (Date.now() > deadlineMs) {
      const why = now.status?.message ?? 'nobody has taken it';
      throw new Failure(`vmsnapshot/${called} is not taken yet: ${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    const { body } = await session.call({ path: `${all}/${encodeURIComponent(called)}` });
    now = body as unknown as VMSnapshot;
  }
  const memory = now.status.memory === true ? ', with its memory' : '';
  process.stdout.write(`vmsnapshot/${called} taken of vm/${vm}${memory}\n`);
}
