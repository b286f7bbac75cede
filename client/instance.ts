/** Where an instance is read from and written to: pods, and virtual machines that are treated as such. */
import type { Pod, VM } from '../api/kinds.gen.ts';
import { keyOf, type Resource } from '../api/meta.ts';
import { pods, vms } from '../api/resources.gen.ts';
import { isVm, podOfVm } from '../api/vm-instance.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Client } from './client.ts';

export function resourceOf(pod: Pod): Resource {
  return isVm(pod) ? vms : pods;
}

const vmPrefix = 'vm/';

/** A pod and a VM may have the same name. */
export function instanceKey(pod: Pod): string {
  return isVm(pod) ? vmPrefix + keyOf(pod) : keyOf(pod);
}

/** The VM that an instance's key is of; undefined for that of a pod. */
export function vmKeyOf(key: string): string | undefined {
  return key.startsWith(vmPrefix) ? key.slice(vmPrefix.length) : undefined;
}

/** What the API has under the name of `pod` now. */
export async function newestOf(client: Client, pod: Pod, { signal }: CallOptions): Promise<Pod> {
  const { namespace = '', name = '' } = pod.metadata;
  const key = { namespace, name };
  if (isVm(pod)) return podOfVm(await client.get<VM>(vms, key, { signal }));
  return await client.get<Pod>(pods, key, { signal });
}
