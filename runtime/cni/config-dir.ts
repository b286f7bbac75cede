/** The network configurations of a node, read anew for each use. Source: libcni. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  ConfigProblem,
  isConfigFile,
  type NetworkConfig,
  parseNetworkConfig,
  parsePluginFile,
} from './config.ts';

export interface ConfigFile {
  readonly file: string;
  /** What is wrong with it, in place of a network. */
  readonly network: NetworkConfig | { readonly problem: string };
}

/** More nobody reads. */
const filesMax = 1_000;

/** In the order of their names, of which the first that can be read is the node's default network. */
export async function readConfigDir(directory: string): Promise<readonly ConfigFile[]> {
  const names = await listConfigs(directory, isConfigFile);
  return await Promise.all(
    names.map(async (name): Promise<ConfigFile> => {
      const file = join(directory, name);
      try {
        return { file, network: await readNetwork(directory, file) };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return { file, network: { problem: error.message } };
      }
    }),
  );
}

/**
 * By name, or the default one; lists come before single plugins of the same name. Throws
 * `ConfigProblem` with what there is instead.
 */
export async function findNetwork(
  directory: string,
  name: string | undefined,
): Promise<NetworkConfig> {
  const files = await readConfigDir(directory);
  const problems: string[] = [];
  const good: { readonly file: string; readonly network: NetworkConfig }[] = [];
  for (const { file, network } of files) {
    if ('problem' in network) problems.push(`${basename(file)}: ${network.problem}`);
    else good.push({ file, network });
  }
  const named = good.filter(({ network }) => name === undefined || network.name === name);
  const lists = named.filter(({ file }) => file.endsWith('.conflist'));
  const found = (name === undefined ? named : [...lists, ...named])[0];
  if (found !== undefined) return found.network;
  const what = name === undefined ? 'no network' : `no network "${name}"`;
  const others = good.map(({ network }) => network.name).join(', ');
  const words = [
    `${what} is configured in ${directory} of this node`,
    ...(others === '' ? [] : [`there is ${others}`]),
    ...problems,
  ];
  throw new ConfigProblem(words.join('; '));
}

async function readNetwork(directory: string, file: string): Promise<NetworkConfig> {
  const network = parseNetworkConfig(await readFile(file, 'utf8'));
  const more = network.loadMore ? await readMore(join(directory, network.name)) : [];
  const plugins = [...network.plugins, ...more];
  if (plugins.length === 0) throw new ConfigProblem('plugins: names none');
  return { ...network, plugins };
}

async function readMore(directory: string): Promise<readonly NetworkConfig['plugins'][number][]> {
  const names = await listConfigs(directory, (name) => name.endsWith('.conf'));
  return await Promise.all(
    names.map(async (name) => parsePluginFile(await readFile(join(directory, name), 'utf8'))),
  );
}

async function listConfigs(
  directory: string,
  isWanted: (name: string) => boolean,
): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter(isWanted).sort().slice(0, filesMax);
}
