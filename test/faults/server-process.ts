/** A real `berth server` in a process of its own, which tells how much memory it holds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubeconfig, loadKubeconfig } from '../../client/kubeconfig.ts';
import { berthMain, buildBerth } from '../harness/build.ts';
import { freePort } from '../harness/etcd.ts';

export interface ServerProcess {
  readonly port: number;
  readonly connection: Kubeconfig;
  /** Why it ended, if it has. */
  ended(): string | undefined;
  /** Everything logged so far, one JSON line each. */
  log(): readonly string[];
  /** What is held after a full collection of garbage. */
  memory(): Promise<{ readonly heapBytes: number; readonly rssBytes: number }>;
  stop(): Promise<void>;
}

/** Loaded into the server beside its own code: collects garbage and answers, when asked. */
const probe = `
  process.channel.unref();
  process.on('message', async (ask) => {
    if (ask !== 'memory') return;
    for (let i = 0; i < 4; i += 1) { gc(); await new Promise((r) => setTimeout(r, 20)); }
    const { heapUsed, rss, external } = process.memoryUsage();
    process.send({ heapBytes: heapUsed + external, rssBytes: rss });
  });
`;

const startTimeoutMs = 90_000;
const logLinesMax = 100_000;

export async function startServerProcess(): Promise<ServerProcess> {
  await buildBerth();
  const dataDir = mkdtempSync(join(tmpdir(), 'berth-faults-'));
  const port = await freePort();
  const imported = `data:text/javascript,${encodeURIComponent(probe)}`;
  const flags = ['--expose-gc', '--import', imported, berthMain, 'server'];
  const child = spawn(process.execPath, [...flags, '--data-dir', dataDir, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const killOnExit = () => child.kill('SIGKILL');
  process.once('exit', killOnExit);
  let end: string | undefined;
  child.once('exit', (code, signal) => {
    end = `the server ended (${signal ?? code})`;
  });
  const lines: string[] = [];
  await untilServing(child, lines);
  return {
    port,
    connection: loadKubeconfig(join(dataDir, 'kubeconfig')),
    ended: () => end,
    log: () => lines,
    memory: () => ask(child),
    async stop() {
      process.off('exit', killOnExit);
      child.kill('SIGKILL');
      if (end === undefined) await new Promise((resolve) => child.once('exit', resolve));
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function ask(child: ChildProcess): ReturnType<ServerProcess['memory']> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as { heapBytes: number; rssBytes: number }));
    child.once('exit', () => reject(new Error('the server ended')));
    child.send('memory');
  });
}

/** It says where the kubeconfig is once it serves. */
function untilServing(child: ChildProcess, lines: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}: ${lines.slice(-20).join('\n')}`));
    const timer = setTimeout(() => fail('the server did not start'), startTimeoutMs);
    child.once('exit', () => fail('the server ended at its start'));
    let rest = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
      if (lines.length > logLinesMax) lines.splice(0, lines.length - logLinesMax);
      if (!parts.some((line) => line.startsWith('kubeconfig: '))) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve();
    });
  });
}
