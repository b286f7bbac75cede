/** Finds the pod that `POD` or `KIND/NAME` means, for commands that work on one pod. */
import { withQuery } from '../../client/paths.ts';
import { Failure } from '../failure.ts';
import { discoverKinds, displayName } from './kinds.ts';
import type { Session } from './session.ts';
import { pathOf, readTarget } from './targets.ts';

interface PodItem {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly phase?: string };
}

/** What logs and exec are asked of: a pod, or a virtual machine. */
export interface Instance {
  readonly resource: 'pods' | 'vms';
  readonly name: string;
}

export async function instanceNamed(session: Session, word: string): Promise<Instance> {
  if (/^vms?\//i.test(word)) return { resource: 'vms', name: word.slice(word.indexOf('/') + 1) };
  return { resource: 'pods', name: await podNamed(session, word) };
}

/** `db` and `vm/db`. */
export function machineNamed(word: string): Instance {
  const [kind = '', name] = word.split('/');
  if (name === undefined) return { resource: 'vms', name: kind };
  if (/^vms?(\.berth\.dev)?$/i.test(kind)) return { resource: 'vms', name };
  throw new Failure(`"${word}" is no virtual machine: write vm/NAME`);
}

/** A pod's name as it is; of anything with a scale, one of its pods, running ones first. */
async function podNamed(session: Session, word: string): Promise<string> {
  if (!word.includes('/')) return word;
  const target = readTarget(await discoverKinds(session), word);
  if (target.kind.resource === 'pods' && target.kind.group === '') return target.name;
  const name = `${displayName(target.kind)}/${target.name}`;
  if (!target.kind.subresources.includes('scale')) {
    throw new Failure(`${name} has no pods: name a pod, or a workload`);
  }
  const { body } = await session.call({ path: pathOf(target, session.namespace, 'scale') });
  const { selector = '' } = (body['status'] ?? {}) as { selector?: string }; // A Scale's status.
  const [first] = await podsOf(session, selector);
  if (first === undefined || selector === '') throw new Failure(`${name} has no pod at the moment`);
  return first;
}

/** Names of the pods with these labels, running ones first. */
export async function podsOf(session: Session, labelSelector: string): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(session.namespace)}/pods`;
  const { body } = await session.call({ path: withQuery(path, { labelSelector }) });
  const pods = body['items'] as readonly PodItem[]; // A list has them.
  const rank = ({ status }: PodItem) => (status?.phase === 'Running' ? 0 : 1);
  return [...pods].sort((a, b) => rank(a) - rank(b)).map(({ metadata }) => metadata.name);
}

/** `/api/v1/namespaces/…/pods/<name>/<subresource>`, and the same of a VM. */
export function instancePath(
  { namespace }: Session,
  { resource, name }: Instance,
  subresource: string,
): string {
  const root = resource === 'vms' ? '/apis/berth.dev/v1' : '/api/v1';
  const [space, word] = [encodeURIComponent(namespace), encodeURIComponent(name)];
  return `${root}/namespaces/${space}/${resource}/${word}/${subresource}`;
}
