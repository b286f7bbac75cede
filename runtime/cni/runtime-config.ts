/** What of a request the plugins of its network can be told. Pure. Source: CNI conventions. */
import type { JsonObject } from '../../api/meta.ts';
import type { CniRequest } from './cni.ts';
import { ConfigProblem, type NetworkConfig } from './config.ts';

/** Plugins of the usual ones that can. */
const examples = {
  portMappings: 'portmap',
  bandwidth: 'bandwidth',
  mac: 'tuning',
  ips: 'host-local',
} as const;
type Capability = keyof typeof examples;

/** Throws `ConfigProblem` when something is asked for that no plugin of the network can do. */
export function runtimeConfigOf(
  { ips, mac, bandwidth, portMappings }: CniRequest,
  { name, plugins }: NetworkConfig,
): JsonObject {
  const asked: readonly (readonly [Capability, JsonObject[string], string])[] = [
    ['ips', ips === undefined ? undefined : [...ips], `address ${ips?.join(', ')}`],
    ['mac', mac, `MAC ${mac}`],
    ['bandwidth', bandwidth === undefined ? undefined : { ...bandwidth }, 'bandwidth'],
    [
      'portMappings',
      portMappings === undefined || portMappings.length === 0
        ? undefined
        : portMappings.map((each) => ({ ...each })),
      `hostPort ${portMappings?.map(({ hostPort }) => hostPort).join(', ')}`,
    ],
  ];
  const told: JsonObject = {};
  for (const [capability, value, what] of asked) {
    if (value === undefined) continue;
    if (!plugins.some(({ capabilities }) => capabilities.has(capability))) {
      const remedy = `add "capabilities": {"${capability}": true} to one that can, as ${examples[capability]}`;
      const message = `network "${name}": ${what} cannot be given, no plugin of it has the capability "${capability}"`;
      throw new ConfigProblem(`${message}: ${remedy}`);
    }
    told[capability] = value;
  }
  return told;
}
