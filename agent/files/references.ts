/** Reads of the ConfigMaps, Secrets and addresses that a pod names, each at most once per pass. */
import type { ConfigMap, Secret } from '../../api/kinds.gen.ts';
import { configMaps, secrets } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import {
  type InstanceNetworks,
  instanceNetworks,
  type NetworksContext,
} from '../addresses/instance-networks.ts';
import { ConfigError } from '../pod/config-error.ts';
import { type TokenContext, type TokenSource, tokenSource } from './account-tokens.ts';

/** The content of a ConfigMap or Secret: bytes by key. */
export type Entries = ReadonlyMap<string, Buffer>;

export interface References {
  /** `undefined` when it does not exist. */
  configMap(name: string): Promise<Entries | undefined>;
  secret(name: string): Promise<Entries | undefined>;
  readonly token: TokenSource;
  /** The pod's addresses of pools; throws `AddressPending`. */
  networks(): Promise<InstanceNetworks>;
}

export function createReferences(context: TokenContext & NetworksContext): References {
  const { client, pod, signal } = context;
  const { namespace = '' } = pod.metadata;
  const known = new Map<string, Promise<Entries | undefined>>();
  const once = (key: string, read: () => Promise<Entries>) => {
    const pending = known.get(key) ?? absentAsUndefined(read());
    known.set(key, pending);
    return pending;
  };
  let networks: Promise<InstanceNetworks> | undefined;
  return {
    token: tokenSource(context),
    networks: () => {
      networks ??= instanceNetworks(context);
      return networks;
    },
    configMap: (name) =>
      once(`configmap/${name}`, async () => {
        const object = await client.get<ConfigMap>(configMaps, { namespace, name }, { signal });
        return new Map([...decode(object.data, 'utf8'), ...decode(object.binaryData, 'base64')]);
      }),
    secret: (name) =>
      once(`secret/${name}`, async () => {
        const object = await client.get<Secret>(secrets, { namespace, name }, { signal });
        return new Map(decode(object.data, 'base64'));
      }),
  };
}

/** The entries, or `undefined` if the object may be absent and is; else a `ConfigError` naming it. */
export async function readEntries(
  references: References,
  kind: 'configmap' | 'secret',
  name: string,
  optional: boolean | undefined,
): Promise<Entries | undefined> {
  const found =
    kind === 'secret' ? await references.secret(name) : await references.configMap(name);
  if (found === undefined && optional !== true)
    throw new ConfigError(`${kind} "${name}" not found`);
  return found;
}

function decode(data: Readonly<Record<string, string>> | undefined, encoding: BufferEncoding) {
  return Object.entries(data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, encoding)] as const,
  );
}

async function absentAsUndefined(read: Promise<Entries>): Promise<Entries | undefined> {
  try {
    return await read;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
