/** The networks by CNI of an instance, attached at most once per pass, and before its containers are made. */
import type { CniAttachment } from '../../runtime/cni/cni.ts';
import type { References } from '../files/references.ts';
import { ConfigError } from '../pod/config-error.ts';
import { instanceSpec } from './instance-spec.ts';
import type { PodContext } from './pod-context.ts';

export interface NetworkedReferences extends References {
  /**
   * Throws `ConfigError` about the pod, `AddressPending`, and the runtime's `RuntimeError` about what
   * the node, or a plugin, cannot give.
   */
  attachments(): Promise<readonly CniAttachment[]>;
}

export function withAttachments(context: PodContext, references: References): NetworkedReferences {
  let attachments: Promise<readonly CniAttachment[]> | undefined;
  return {
    ...references,
    attachments: () => {
      attachments ??= attach(context, references);
      return attachments;
    },
  };
}

async function attach(
  context: PodContext,
  references: References,
): Promise<readonly CniAttachment[]> {
  const { runtime, networks, signal, aside } = context;
  if (networks.problem !== undefined) throw networks.problem;
  if (networks.requests.length === 0) return [];
  if (runtime.attachNetworks === undefined) {
    throw new ConfigError(`runtime "${runtime.name}" has no networks by CNI`);
  }
  const [address] = await references.networks();
  const spec = instanceSpec(context, {
    containers: [],
    ...(address === undefined ? {} : { address }),
  });
  // Plugins may wait for others, such as a DHCP server.
  return await aside(async () => (await runtime.attachNetworks?.(spec, { signal })) ?? []);
}
