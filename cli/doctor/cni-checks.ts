/** What `berth doctor` says of networks by CNI: whether each can be read, and has all its plugins. */
import { basename } from 'node:path';
import { readConfigDir } from '../../runtime/cni/config-dir.ts';
import { defaultConfDir } from '../../runtime/cni/networks.ts';
import { defaultPluginDirs, findPlugin, pluginsRemedy } from '../../runtime/cni/plugin.ts';
import type { CniFlags } from '../node/cni.ts';
import type { Finding } from './finding.ts';

export async function cniChecks({
  network: way,
  cniConfDir = defaultConfDir,
  cniBinDirs = defaultPluginDirs,
}: CniFlags): Promise<readonly Finding[]> {
  const files = await readConfigDir(cniConfDir);
  if (files.length === 0) {
    const needed = way === 'cni';
    return [
      {
        state: needed ? 'broken' : 'optional',
        name: 'CNI',
        found: `no network in ${cniConfDir}`,
        without: needed
          ? 'this node runs with --network cni: nothing starts that names no network'
          : 'networks by CNI cannot be named by pods and machines',
        remedy: `${pluginsRemedy}, and configure one (docs/cni.md)`,
      },
    ];
  }
  return await Promise.all(
    files.map(async ({ file, network }): Promise<Finding> => {
      if ('problem' in network) {
        const remedy = 'mend it, or take it away';
        return { state: 'broken', name: 'CNI', found: `${file}: ${network.problem}`, remedy };
      }
      const { name, plugins } = network;
      const types = [...new Set(plugins.flatMap(({ type, raw }) => [type, ...ipamOf(raw)]))];
      const paths = await Promise.all(types.map((type) => findPlugin(cniBinDirs, type)));
      const missing = types.filter((_, index) => paths[index] === undefined);
      const what = `network "${name}" (${basename(file)})`;
      if (missing.length === 0) {
        return { state: 'ok', name: 'CNI', found: `${what}: ${types.join(', ')}` };
      }
      return {
        state: 'broken',
        name: 'CNI',
        found: `${what} lacks ${missing.join(', ')} in ${cniBinDirs.join(' and ')}`,
        without: 'nothing that is to be attached to it starts',
        remedy: `${pluginsRemedy}, or put it there`,
      };
    }),
  );
}

/** Called by the plugin itself, from where the others are. */
function ipamOf({ ipam }: { readonly [field: string]: unknown }): readonly string[] {
  if (typeof ipam !== 'object' || ipam === null || !('type' in ipam)) return [];
  return typeof ipam.type === 'string' && ipam.type !== '' ? [ipam.type] : [];
}
