/** `berth status`: what runs here. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { findCondition } from '../../api/conditions.ts';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { newCommand } from '../command.ts';
import { exitCode, Failure, sentenceOf, usage } from '../failure.ts';
import { serverUrl } from '../plane/config.ts';
import { dataDirHelp } from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { type PlaneProcess, readPidFile } from '../plane/pid-file.ts';
import { installedUnit, logOf } from '../service/service.ts';
import { readText, type Session, withSession } from '../verbs/session.ts';
import { align } from '../verbs/table.ts';

interface StatusOptions {
  readonly dataDir?: string;
  readonly output?: string;
}

const timeoutMs = 5_000;

export function statusCommand(): Command {
  return newCommand({
    name: 'status',
    purpose:
      'Shows what runs on this machine: the server, its store, its nodes, and how much of what.',
    examples: ['berth status', 'berth status --data-dir /tmp/second', 'berth status -o json'],
    exitCodes: '0 ready, 1 runs but is not ready, 2 wrong usage, 3 not running',
  })
    .option('--data-dir <dir>', dataDirHelp)
    .option('-o, --output <format>', 'json')
    .action(status);
}

async function status({ dataDir, output }: StatusOptions): Promise<void> {
  if (output !== undefined && output !== 'json') throw usage(`-o must be json, not "${output}"`);
  const paths = planePaths(dataDir ?? defaultDataDir());
  const running = readPidFile(paths.pidFile);
  if (running === undefined) {
    if (output === 'json') print({ running: false, dataDir: paths.dataDir });
    else process.stdout.write(`Berth does not run in ${paths.dataDir}: "berth up" starts it.\n`);
    process.exitCode = exitCode.down;
    return;
  }
  if (running.config.servers !== undefined) return describeAgent(paths, running, output);
  const seen = await look(paths);
  if (output === 'json') print({ running: true, dataDir: paths.dataDir, ...running, ...seen });
  else process.stdout.write(describe(paths, running, seen));
  if (seen.notReady !== undefined) process.exitCode = exitCode.failure;
}

/** A machine that joined asks nobody: it knows only that its agent runs, and for whom. */
function describeAgent(paths: PlanePaths, running: PlaneProcess, output?: string): void {
  const { dataDir } = paths;
  const { config, pid, version } = running;
  if (output === 'json') {
    print({ running: true, dataDir, ...running });
    return;
  }
  const servers = (config.servers ?? []).join(', ');
  const rows = [
    ['agent', `of node ${config.nodeName} (pid ${pid}, Berth ${version})`],
    ['servers', servers],
    ['log', logOf(paths)],
  ];
  process.stdout.write(`${align(rows).join('\n')}\n`);
}

interface Seen {
  readonly notReady?: string;
  readonly nodes: readonly { name: string; ready: string; runtime: string; pods: number }[];
  readonly workloads: { readonly total: number; readonly available: number };
  readonly pods: { readonly total: number; readonly running: number };
}

const nothing: Seen = {
  nodes: [],
  workloads: { total: 0, available: 0 },
  pods: { total: 0, running: 0 },
};

async function look({ dataDir }: PlanePaths): Promise<Seen> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await withSession({ dataDir }, async (session) => {
      await readText(await session.open({ path: '/readyz', accept: '*/*', signal }));
      const [nodes, workloads, pods] = await Promise.all([
        listOf<Node>(session, '/api/v1/nodes', signal),
        listOf<Workload>(session, '/apis/berth.dev/v1/workloads', signal),
        listOf<Pod>(session, '/api/v1/pods', signal),
      ]);
      return summarise(nodes, workloads, pods);
    });
  } catch (error) {
    const why = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : sentenceOf(error);
    return { ...nothing, notReady: why };
  }
}

async function listOf<T>(session: Session, path: string, signal: AbortSignal) {
  const { body } = await session.call({ path, signal });
  if (!Array.isArray(body['items'])) throw new Failure(`${path} did not answer with a list`);
  return body['items'] as readonly T[]; // The path says of what.
}

function summarise(
  nodes: readonly Node[],
  workloads: readonly Workload[],
  pods: readonly Pod[],
): Seen {
  return {
    nodes: nodes.map(({ metadata, status: state }) => ({
      name: metadata.name ?? '',
      ready: findCondition(state?.conditions, 'Ready')?.status === 'True' ? 'Ready' : 'NotReady',
      runtime: state?.nodeInfo?.containerRuntimeVersion ?? 'unknown',
      pods: pods.filter(({ spec }) => spec.nodeName === metadata.name).length,
    })),
    workloads: {
      total: workloads.length,
      available: workloads.filter(
        ({ status: state }) => findCondition(state?.conditions, 'Available')?.status === 'True',
      ).length,
    },
    pods: {
      total: pods.length,
      running: pods.filter(({ status: state }) => state?.phase === 'Running').length,
    },
  };
}

function describe(paths: PlanePaths, running: PlaneProcess, seen: Seen): string {
  const { config, pid, version, startedAtMs } = running;
  const { workloads, pods, notReady } = seen;
  const rows = [
    ['server', `${serverUrl(config.host, config.port)} (pid ${pid}, Berth ${version})`],
    ['state', notReady === undefined ? 'ready' : `not ready: ${notReady}`],
    ['since', new Date(startedAtMs).toISOString().replace(/\.\d+Z$/, 'Z')],
    ['store', config.store],
    ['kubeconfig', paths.kubeconfig],
    ...(hasLog(paths) ? [['log', logOf(paths)]] : []),
    ['workloads', `${workloads.total}, ${workloads.available} available`],
    ['pods', `${pods.total}, ${pods.running} running`],
    ...seen.nodes.map(({ name, ready, runtime, pods: count }) => [
      'node',
      `${name}: ${ready}, ${runtime}, ${count} pods`,
    ]),
  ];
  return `${align(rows).join('\n')}\n`;
}

/** A process in the foreground of a terminal has none. */
function hasLog(paths: PlanePaths): boolean {
  return installedUnit(paths) !== undefined || existsSync(paths.log);
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
