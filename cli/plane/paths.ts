/** Where a plane keeps its state: everything under one directory. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export interface PlanePaths {
  readonly dataDir: string;
  readonly pki: string;
  readonly tokens: string;
  readonly kubeconfig: string;
  readonly store: string;
  readonly agent: string;
  /** Modules of users' own dimensions. */
  readonly dimensions: string;
  readonly logDir: string;
  readonly log: string;
  readonly pidFile: string;
  readonly config: string;
  /** What a machine that joined knows: its servers and its name. */
  readonly joined: string;
  /** Certificates of an agent that joined. */
  readonly agentPki: string;
  /** Tells the containers of this plane from those of another on the same machine. */
  readonly nodeId: string;
}

export function planePaths(dataDir: string): PlanePaths {
  const dir = resolve(dataDir);
  return {
    dataDir: dir,
    pki: join(dir, 'pki'),
    tokens: join(dir, 'tokens.csv'),
    kubeconfig: join(dir, 'kubeconfig'),
    store: join(dir, 'store'),
    agent: join(dir, 'agent'),
    dimensions: join(dir, 'dimensions'),
    logDir: join(dir, 'log'),
    log: join(dir, 'log', 'berth.log'),
    pidFile: join(dir, 'berth.pid'),
    config: join(dir, 'config.json'),
    joined: join(dir, 'joined.json'),
    agentPki: join(dir, 'agent', 'pki'),
    nodeId: join(dir, 'agent', 'node-id'),
  };
}

export const rootDataDir = '/var/lib/berth';

/** `/var/lib/berth` for root, else in the user's own data folder; `BERTH_DATA_DIR` overrides. */
export function defaultDataDir(): string {
  const named = process.env['BERTH_DATA_DIR'];
  if (named !== undefined && named !== '') return named;
  if (process.getuid?.() === 0) return rootDataDir;
  return join(homedir(), '.local', 'share', 'berth');
}
