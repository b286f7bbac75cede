/** What tells the containers of this data directory's node from all others on the machine. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { PlanePaths } from './paths.ts';

/** Made once per data directory. */
export function readNodeId(paths: PlanePaths): string {
  mkdirSync(paths.agent, { recursive: true, mode: 0o700 });
  if (!existsSync(paths.nodeId)) writeFileSync(paths.nodeId, `${randomUUID()}\n`, { mode: 0o600 });
  return readFileSync(paths.nodeId, 'utf8').trim();
}
