/** Network configurations. Pure. Source: CNI specification 1.1.0, section 1, and libcni. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { compareVersions, isKnownVersion, knownVersions } from './version.ts';

export interface PluginConfig {
  readonly type: string;
  /** What it can be told at run time. */
  readonly capabilities: ReadonlySet<string>;
  /** As it was written. */
  readonly raw: JsonObject;
}

export interface NetworkConfig {
  readonly name: string;
  /** Versions of the specification that it may be read by, the newest first. */
  readonly versions: readonly string[];
  readonly disableCheck: boolean;
  /** Others use the network too: what is unknown here may be theirs. */
  readonly disableGc: boolean;
  /** Further plugins come from a directory of the network's name. */
  readonly loadMore: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** What is wrong with a configuration, in words for whoever wrote it. */
export class ConfigProblem extends Error {
  override readonly name = 'ConfigProblem';
}

const nameForm = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** Source: libcni, versions of a configuration that names none. */
const unnamedVersion = '0.1.0';

/** Whether libcni reads a file of that name. */
export function isConfigFile(name: string): boolean {
  return /\.(conflist|conf|json)$/.test(name);
}

/** A list of plugins, or one plugin as a list of one. Throws `ConfigProblem`. */
export function parseNetworkConfig(text: string): NetworkConfig {
  const whole = parseObject(text);
  const { name, plugins } = whole;
  if (typeof name !== 'string' || !nameForm.test(name)) {
    throw new ConfigProblem('name: must be letters, digits, "_", "." and "-"');
  }
  const loadMore = plugins !== undefined || whole['type'] === undefined;
  const isList = loadMore;
  if (plugins !== undefined && !Array.isArray(plugins)) {
    throw new ConfigProblem('plugins: must be a list');
  }
  const entries = isList ? (plugins ?? []) : [whole];
  return {
    name,
    versions: versionsOf(whole),
    disableCheck: flag(whole, 'disableCheck'),
    disableGc: flag(whole, 'disableGC'),
    loadMore: isList && !flag(whole, 'loadOnlyInlinedPlugins'),
    plugins: entries.map((each, index) => parsePlugin(each, isList ? `plugins[${index}]` : '')),
  };
}

/** One plugin of a directory that adds to a list. Throws `ConfigProblem`. */
export function parsePluginFile(text: string): PluginConfig {
  return parsePlugin(parseObject(text), '');
}

function parseObject(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue; // JSON it is, whatever stands in it.
  } catch (error) {
    throw new ConfigProblem(`is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(value)) throw new ConfigProblem('must be a JSON object');
  return value;
}

function parsePlugin(value: JsonValue, where: string): PluginConfig {
  const field = (name: string) => (where === '' ? name : `${where}.${name}`);
  if (!isObject(value)) throw new ConfigProblem(`${where}: must be an object`);
  const { type, capabilities = {} } = value;
  if (typeof type !== 'string' || !/^[^/\s]+$/.test(type)) {
    throw new ConfigProblem(`${field('type')}: must be the name of a plugin, such as "bridge"`);
  }
  if (!isObject(capabilities))
    throw new ConfigProblem(`${field('capabilities')}: must be an object`);
  const on = Object.entries(capabilities).flatMap(([name, is]) => (is === true ? [name] : []));
  return { type, capabilities: new Set(on), raw: value };
}

/** Newest first. Source: specification 1.1.0, `cniVersions`; `cniVersion` counts as one of them. */
function versionsOf({ cniVersion, cniVersions = [] }: JsonObject): readonly string[] {
  const said = [...(Array.isArray(cniVersions) ? cniVersions : [cniVersions])];
  if (cniVersion !== undefined) said.push(cniVersion);
  const all = said.length === 0 ? [unnamedVersion] : said;
  const known = all.filter((each) => typeof each === 'string' && isKnownVersion(each));
  if (known.length === 0) {
    const words = all.map(String).join(', ');
    const hint = said.length === 0 ? ' (what names none is 0.1.0)' : '';
    const remedy = `say one of ${knownVersions.join(', ')}`;
    throw new ConfigProblem(`cniVersion: ${words}${hint} is not supported: ${remedy}`);
  }
  // Only texts are left.
  return [...new Set(known as readonly string[])].sort(compareVersions).reverse();
}

/** libcni also takes them as text. */
function flag(whole: JsonObject, name: string): boolean {
  const value = whole[name];
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
