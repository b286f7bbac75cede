/**
 * The plane, run from its sources as a process of its own. Only those controllers run that ran when the
 * scenarios were recorded: others, and a scheduler, would write to what is compared.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { freePort, startEtcd } from '../harness/etcd.ts';
import { type Running, startCommand } from '../harness/run-command.ts';
import { Asker, type Server } from './ask.ts';

interface TestServer {
  readonly access: Server;
  /** Ends it, and its etcd, and removes its folder. */
  stop(): Promise<void>;
}

const startMs = 60_000;
const controllers = 'garbage-collector,namespace,role-aggregation';

/** `store` is `embedded` or `etcd`. */
export async function startServer(
  store: string,
  more: readonly string[] = [],
): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-conformance-'));
  const etcd = store === 'etcd' ? await startEtcd() : undefined;
  const flags = etcd === undefined ? [] : ['--store', `etcd://${etcd.endpoint}`];
  const main = new URL('../../cli/main.ts', import.meta.url).pathname;
  const running = startCommand(process.execPath, [
    ...['--import', import.meta.resolve('tsx'), main, 'up', '--foreground', '--no-agent'],
    ...['--data-dir', directory, '--port', String(await freePort()), ...flags, ...more],
    ...['--controllers', controllers],
  ]);
  const stop = async () => {
    await running.stop('SIGTERM');
    await etcd?.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return { access: await accessOf(join(directory, 'kubeconfig'), running), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function accessOf(kubeconfig: string, running: Running): Promise<Server> {
  for (const until = Date.now() + startMs; ; await sleep(100)) {
    if (existsSync(kubeconfig)) {
      const { server: url, ca = '', cert = '', key = '' } = loadKubeconfig(kubeconfig);
      const access = { url, ca, cert, key };
      if (await isReady(access)) return access;
    }
    if (Date.now() > until || running.child.exitCode !== null)
      throw new Error(`the server did not start: ${running.stdout()}${running.stderr()}`);
  }
}

async function isReady(access: Server): Promise<boolean> {
  const asker = new Asker(access);
  try {
    return (await asker.call({ path: '/readyz' }, {})).status === 200;
  } catch {
    return false;
  } finally {
    asker.close();
  }
}
