/** Network namespaces by name below `/run/netns`, made and removed with iproute2. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';

const directory = '/run/netns';
const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** That of an instance; `key` as `shortId` makes it. */
export function namespaceOf(key: string): string {
  return `berth-${key}`;
}

export function namespacePath(name: string): string {
  return join(directory, name);
}

/** Says which namespace lies there, over all boots; `undefined` when none does. */
export async function namespaceId(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return undefined;
  return `${(await readFile(bootIdFile, 'utf8')).trim()}/${found.dev}/${found.ino}`;
}

export async function namespaceExists(name: string): Promise<boolean> {
  return (await stat(namespacePath(name)).catch(() => undefined)) !== undefined;
}

export async function ensureNamespace(name: string, options: CallOptions): Promise<void> {
  if (!(await namespaceExists(name))) await run('ip', ['netns', 'add', name], options);
}

/** Gives the namespace that a process is in a name, by which it outlives the process. */
export async function nameNamespace(
  name: string,
  pid: number,
  options: CallOptions,
): Promise<void> {
  await run('ip', ['netns', 'attach', name, String(pid)], options);
}

/** Resolves also when there is none. */
export async function removeNamespace(name: string, options: CallOptions): Promise<void> {
  await run('ip', ['netns', 'delete', name], { ...options, mayFail: /No such file/ });
}
