/** Files of /etc that an instance has in place of the machine's; they go with a reboot, as the units do. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatResolvConf } from '../network/resolv-conf.ts';
import type { DnsSpec, HostAlias } from '../runtime.ts';

const directories = { resolv: '/run/berth/resolv', hosts: '/run/berth/hosts' } as const;

/** Resolves with its path. */
export function writeResolvConf(key: string, dns: DnsSpec): Promise<string> {
  return write(directories.resolv, key, formatResolvConf(dns));
}

/** The machine's own file with these lines after it. */
export async function writeHosts(key: string, hosts: readonly HostAlias[]): Promise<string> {
  const own = await readFile('/etc/hosts', 'utf8').catch(() => '127.0.0.1\tlocalhost\n');
  const lines = hosts.map(({ ip, names }) => `${ip}\t${names.join('\t')}\n`);
  return await write(directories.hosts, key, [own.trimEnd(), '\n', ...lines].join(''));
}

export async function removeOwnFiles(key: string): Promise<void> {
  for (const directory of Object.values(directories)) {
    await rm(join(directory, key), { force: true });
  }
}

async function write(directory: string, key: string, text: string): Promise<string> {
  const path = join(directory, key);
  await mkdir(directory, { recursive: true });
  // In place: units that run have this very file before them.
  await writeFile(path, text);
  return path;
}
