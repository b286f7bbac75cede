/** The networks by CNI of a machine: in a namespace of its own, led out to bridges that its domain names. */
import type { CallOptions } from '../../lib/call.ts';
import type { CniAttachment } from '../cni/cni.ts';
import { linkOut, unlink } from '../cni/machine-link.ts';
import type { CniNetworks } from '../cni/networks.ts';
import {
  ensureNamespace,
  namespaceOf,
  namespacePath,
  removeNamespace,
} from '../network/namespace.ts';
import { type InstanceId, type InstanceSpec, RuntimeError } from '../runtime.ts';
import { shortId } from '../short-id.ts';

/** Each with the bridge that its interface is to be attached to. */
export async function attachMachine(
  cni: CniNetworks | undefined,
  nodeId: string,
  { id, namespace, name, cni: requests = [] }: InstanceSpec,
  options: CallOptions,
): Promise<readonly CniAttachment[]> {
  if (requests.length === 0) return [];
  if (cni === undefined) throw new RuntimeError('InvalidSpec', 'this node has no networks by CNI');
  const key = shortId(nodeId, id);
  const own = namespaceOf(key);
  try {
    await ensureNamespace(own, options);
    const attachments: CniAttachment[] = [];
    const owner = { id, namespace, name };
    for (const each of await cni.attach(owner, namespacePath(own), requests, options)) {
      const index = Number(each.interface.replace(/^\D+/, ''));
      const link = { namespace: own, interface: each.interface, key, index };
      attachments.push({ ...each, bridge: await linkOut(link, options) });
    }
    return attachments;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof RuntimeError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError('StartFailed', `the network cannot be made: ${why}`, { cause: error });
  }
}

/** Resolves also when there is nothing. */
export async function detachMachine(
  cni: CniNetworks | undefined,
  nodeId: string,
  id: InstanceId,
  options: CallOptions,
): Promise<void> {
  if (cni === undefined || !(await cni.holders()).includes(id)) return;
  const key = shortId(nodeId, id);
  await cni.detach(id, options);
  await unlink(key, options);
  await removeNamespace(namespaceOf(key), options);
}
