/** `berth node`: what is asked of one node. */
import type { Command } from 'commander';
import type { DiskMeasured, NodeTopology, TopologyDisk } from '../../api/kinds.gen.ts';
import { hasReason } from '../../api/status.ts';
import { systemClock } from '../../lib/clock.ts';
import { newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { align } from '../verbs/table.ts';

interface MeasureOptions extends SessionOptions {
  readonly disk?: readonly string[];
  readonly seconds: number;
  readonly force?: boolean;
  readonly wait: boolean;
}

const pollMs = 500;
/** Beyond the time that was asked for, for each disk: the agent looks and writes. */
const patienceMs = 60_000;

export function nodeCommand(): Command {
  const command = newCommand({
    name: 'node',
    purpose: 'What is asked of one node. "kubectl get nodetopologies" shows what it is made of.',
    examples: [
      'berth node measure n2                       # all of its disks, one after the other',
      'berth node measure n2 --disk ssd --seconds 30',
    ],
  });
  addSessionOptions(
    command
      .command('measure <node>')
      .description(
        'measures what its disks can do, in a file that is removed again; takes all that a disk can do meanwhile',
      )
      .option('--disk <name...>', 'only these (default: all)')
      .option('--seconds <n>', 'for each disk', wholeNumber('--seconds', 2, 120), 10)
      .option('--force', 'also disks whose Volumes are in use, which are slow meanwhile')
      .option('--no-wait', 'only ask for it; "kubectl get topo NODE -o yaml" shows the result'),
  ).action((node: string, options: MeasureOptions) =>
    withSession(options, (session) => measure(session, node, options)),
  );
  return command;
}

async function measure(session: Session, node: string, options: MeasureOptions): Promise<void> {
  const path = `/apis/berth.dev/v1/nodetopologies/${encodeURIComponent(node)}`;
  const known = await read(session, path, node);
  const names = known.status?.disks?.map(({ name }) => name) ?? [];
  const disks = options.disk ?? names;
  const wrong = disks.filter((disk) => !names.includes(disk));
  if (wrong.length > 0)
    throw usage(`node "${node}" has no disk "${wrong[0]}": it has ${names.join(', ') || 'none'}`);
  if (disks.length === 0) throw new Failure(`node "${node}" has no disks: see --disk of its agent`);
  const requestedAt = new Date(systemClock.now()).toISOString();
  const { seconds, force = false } = options;
  const others = known.spec?.measure?.filter(({ disk }) => !disks.includes(disk)) ?? [];
  const asked = disks.map((disk) => ({ disk, requestedAt, seconds, force }));
  await session.call({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { spec: { measure: [...others, ...asked] } },
  });
  if (!options.wait) {
    process.stdout.write(`asked node "${node}" to measure ${disks.join(', ')}\n`);
    return;
  }
  const timeoutMs = disks.length * (seconds * 1_000 + patienceMs);
  const done = await untilAnswered(() => read(session, path, node), disks, requestedAt, timeoutMs);
  report(done, node);
}

async function read(session: Session, path: string, node: string): Promise<NodeTopology> {
  try {
    const { body } = await session.call({ path });
    return body as unknown as NodeTopology; // As the server has it by its schema.
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
    throw new Failure(`nothing is known of a node "${node}": see "kubectl get nodes"`);
  }
}

async function untilAnswered(
  look: () => Promise<NodeTopology>,
  disks: readonly string[],
  requestedAt: string,
  timeoutMs: number,
): Promise<readonly TopologyDisk[]> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const { status } = await look();
    const found = status?.disks?.filter(({ name }) => disks.includes(name)) ?? [];
    const isAnswered = ({ measurement }: TopologyDisk) =>
      measurement?.requestedAt === requestedAt && measurement.phase !== 'Running';
    if (found.length > 0 && found.every(isAnswered)) return found;
    if (Date.now() > deadlineMs)
      throw new Failure('the node has not answered: does its agent run ("kubectl get nodes")?');
    await systemClock.sleep(pollMs, new AbortController().signal);
  }
}

function report(disks: readonly TopologyDisk[], node: string): void {
  const header = ['DISK', 'READ IOPS', 'WRITE IOPS', 'READ BPS', 'WRITE BPS'];
  const done = disks.filter(({ measurement }) => measurement?.phase === 'Done');
  const rows = done.map(({ name, measured }) => [name, ...cells(measured ?? {})]);
  if (rows.length > 0) {
    const lines = align([header, ...rows]);
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }
  const failed = disks.filter(({ measurement }) => measurement?.phase !== 'Done');
  if (failed.length === 0) return;
  const words = failed.map(({ name, measurement }) => `disk "${name}": ${measurement?.message}`);
  throw new Failure(`node "${node}": ${words.join('\n')}`);
}

function cells({ readIOPS, writeIOPS, readBPS, writeBPS }: Partial<DiskMeasured>): string[] {
  return [readIOPS, writeIOPS, readBPS, writeBPS].map((rate) => String(rate ?? ''));
}
