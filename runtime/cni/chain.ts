/** The plugins of one network one after another, as a runtime has to call them. Source: specification, section 3. */
import { stat } from 'node:fs/promises';
import type { JsonObject } from '../../api/meta.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { CniOwner } from './cni.ts';
import type { PluginConfig } from './config.ts';
import { type CniCommand, findPlugin, PluginError, pluginsRemedy, runPlugin } from './plugin.ts';
import { readResult, readSupportedVersions } from './result.ts';
import { hasCheck } from './version.ts';

/** One network on one interface of one instance, as it was or is to be attached. */
export interface Attaching {
  readonly network: string;
  /** Of the specification, by which the plugins are spoken to. */
  readonly version: string;
  readonly plugins: readonly JsonObject[];
  readonly owner: CniOwner;
  readonly interface: string;
  /** Capability arguments, by capability. */
  readonly runtimeConfig: JsonObject;
  /** For `args.cni`. */
  readonly args: JsonObject | undefined;
}

/** The network's plugins refuse, or are not there: in words for an event. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
  /** Whether somebody has to change something on the node. */
  readonly isMissing: boolean;

  constructor(message: string, options?: ErrorOptions & { readonly isMissing?: boolean }) {
    super(message, options);
    this.isMissing = options?.isMissing ?? false;
  }
}

export class Chain {
  readonly #directories: readonly string[];
  /** By path of the program; another one may come to lie there. */
  readonly #versions = new Map<
    string,
    { readonly mtimeMs: number; readonly versions: readonly string[] }
  >();

  constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  /** The newest of `versions` that every plugin knows. */
  async versionFor(
    network: string,
    plugins: readonly PluginConfig[],
    versions: readonly string[],
    options: CallOptions,
  ): Promise<string> {
    let left = versions;
    for (const { type } of plugins) {
      const path = await this.#find(network, type);
      const known = await this.#knownBy(path, options);
      const both = left.filter((each) => known.includes(each));
      if (both.length === 0) {
        const asked = left.join(' or ');
        const words = `plugin "${type}" (${path}) does not know CNI ${asked}`;
        const has = `it knows ${known.join(', ')}`;
        throw new ChainError(`network "${network}": ${words}, ${has}`, { isMissing: true });
      }
      left = both;
    }
    return left[0] ?? '';
  }

  /** The result of the last one. What was made before a failure is left to `del`. */
  async add(attaching: Attaching, netns: string, options: CallOptions): Promise<JsonObject> {
    let result: JsonObject | undefined;
    for (const plugin of attaching.plugins) {
      const output = await this.#call('ADD', attaching, plugin, { netns, result }, options);
      const answer = readResult(output);
      if (answer === undefined) {
        throw failed('ADD', attaching.network, plugin, new PluginError('printed no result'));
      }
      result = answer;
    }
    return result ?? {};
  }

  /** In reverse; `netns` is empty when it is gone. */
  async del(
    attaching: Attaching,
    netns: string,
    result: JsonObject | undefined,
    options: CallOptions,
  ): Promise<void> {
    const prev = hasCheck(attaching.version) ? result : undefined;
    for (const plugin of attaching.plugins.toReversed()) {
      await this.#call('DEL', attaching, plugin, { netns, result: prev }, options);
    }
  }

  async check(
    attaching: Attaching,
    netns: string,
    result: JsonObject | undefined,
    options: CallOptions,
  ): Promise<void> {
    for (const plugin of attaching.plugins) {
      await this.#call('CHECK', attaching, plugin, { netns, result }, options);
    }
  }

  /** Every plugin is asked, whatever the others answer; throws the first failure. */
  async gc(
    network: Pick<Attaching, 'network' | 'version' | 'plugins'>,
    valid: readonly { readonly containerID: string; readonly ifname: string }[],
    options: CallOptions,
  ): Promise<void> {
    let failure: unknown;
    for (const plugin of network.plugins) {
      const { network: name, version: cniVersion } = network;
      const config = { ...plugin, name, cniVersion, 'cni.dev/valid-attachments': valid };
      const environment = { CNI_PATH: this.#directories.join(':') };
      await this.#run('GC', name, plugin, config, environment, options).catch((error) => {
        failure ??= error;
      });
    }
    if (failure !== undefined) throw failure;
  }

  async #call(
    command: CniCommand,
    attaching: Attaching,
    plugin: JsonObject,
    { netns, result }: { readonly netns: string; readonly result: JsonObject | undefined },
    options: CallOptions,
  ): Promise<string> {
    const { network, owner, interface: ifName } = attaching;
    const config = pluginConfig(attaching, plugin, result);
    const environment = {
      CNI_CONTAINERID: owner.id,
      CNI_NETNS: netns,
      CNI_IFNAME: ifName,
      CNI_ARGS: cniArgs(owner),
      CNI_PATH: this.#directories.join(':'),
    };
    return await this.#run(command, network, plugin, config, environment, options);
  }

  async #run(
    command: CniCommand,
    network: string,
    plugin: JsonObject,
    config: JsonObject,
    environment: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<string> {
    const path = await this.#find(network, String(plugin['type']));
    try {
      return await runPlugin({ command, path, config, environment }, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof PluginError)) throw error;
      throw failed(command, network, plugin, error);
    }
  }

  async #find(network: string, type: string): Promise<string> {
    const path = await findPlugin(this.#directories, type);
    if (path !== undefined) return path;
    const where = this.#directories.join(' or ');
    const remedy = `install it (Debian's usual ones: ${pluginsRemedy})`;
    const message = `network "${network}" needs the plugin "${type}", which is not in ${where}`;
    throw new ChainError(`${message}: ${remedy}`, { isMissing: true });
  }

  async #knownBy(path: string, options: CallOptions): Promise<readonly string[]> {
    const mtimeMs = (await stat(path)).mtimeMs;
    const known = this.#versions.get(path);
    if (known?.mtimeMs === mtimeMs) return known.versions;
    const call = { path, config: { cniVersion: '1.0.0' }, environment: {} };
    const output = await runPlugin({ ...call, command: 'VERSION' }, options).catch((error) => {
      options.signal.throwIfAborted();
      throw new ChainError(`plugin ${path} cannot be run: ${error.message}`, { isMissing: true });
    });
    const versions = readSupportedVersions(output);
    this.#versions.set(path, { mtimeMs, versions });
    return versions;
  }
}

/** What one plugin reads on its input. Pure. */
export function pluginConfig(
  { network: name, version: cniVersion, runtimeConfig, args }: Attaching,
  plugin: JsonObject,
  prevResult: JsonObject | undefined,
): JsonObject {
  const capabilities = Object.entries(plugin['capabilities'] ?? {});
  const told = capabilities.flatMap(([capability, isOn]) => {
    const value = runtimeConfig[capability];
    return isOn === true && value !== undefined ? [[capability, value] as const] : [];
  });
  const said = plugin['args'];
  const own = typeof said === 'object' && said !== null ? said : {};
  return {
    ...plugin,
    name,
    cniVersion,
    ...(told.length === 0 ? {} : { runtimeConfig: Object.fromEntries(told) }),
    ...(args === undefined ? {} : { args: { ...own, cni: args } }),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

/** Source: kubelet and containerd, whose names plugins look for. */
function cniArgs({ id, namespace, name }: CniOwner): string {
  return [
    'IgnoreUnknown=1',
    `K8S_POD_NAMESPACE=${namespace}`,
    `K8S_POD_NAME=${name}`,
    `K8S_POD_INFRA_CONTAINER_ID=${id}`,
    `K8S_POD_UID=${id}`,
  ].join(';');
}

function failed(command: CniCommand, network: string, plugin: JsonObject, error: PluginError) {
  const code = error.code === undefined ? '' : ` (code ${error.code})`;
  const who = `plugin "${plugin['type']}"`;
  const message = `network "${network}": ${who} failed to ${command}: ${error.message}${code}`;
  return new ChainError(message, { cause: error });
}
