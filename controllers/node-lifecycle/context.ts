/** What the steps of a pass work with. */
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject, JsonValue, KubeObject, ObjectKey, Resource } from '../../api/meta.ts';
import { pods as podResource, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { ControllerDeps } from '../kit/controller.ts';
import type { Heartbeats } from './heartbeats.ts';
import { workloadKeyOf } from './why-bound.ts';

export interface NodeLifecycleOptions {
  /** How long a node may be silent; default 40 s, four beats. */
  readonly graceMs: number;
  /** Between two looks; default 5 s. */
  readonly intervalMs: number;
  /** How long a Node object must be gone until its pods are taken to be dead; default 40 s. */
  readonly absentGraceMs: number;
  /** How long pods that name no toleration stay on a node that is not ready; default 300 s. */
  readonly defaultTolerationMs: number;
}

export interface NodeLifecycleContext extends ControllerDeps {
  readonly options: NodeLifecycleOptions;
  readonly beats: Heartbeats;
  readonly events: EventRecorder;
}

/** Index of the pod informer. */
export const byNode = 'node';

/** Writes that go on at once. */
const parallelMax = 16;

export function podsOn({ informers }: NodeLifecycleContext, node: string): readonly Pod[] {
  return informers.for<Pod>(podResource).byIndex(byNode, node);
}

export function nameOf({ metadata }: KubeObject): string {
  return metadata.name ?? '';
}

/** Whether the node has been silent for too long while this process looked. */
export function isSilent({ beats, options }: NodeLifecycleContext, node: Node): boolean {
  return beats.silentMs(nameOf(node)) >= options.graceMs;
}

export function workloadOf({ informers }: NodeLifecycleContext, pod: Pod): Workload | undefined {
  const key = workloadKeyOf(pod);
  return key === undefined ? undefined : informers.for<Workload>(workloads).get(key);
}

/** A merge patch onto exactly the version that was looked at. */
export async function patchExactly(
  { client, signal }: NodeLifecycleContext,
  resource: Resource,
  { metadata }: KubeObject,
  patch: JsonObject,
  subresource?: string,
): Promise<void> {
  const { name = '', namespace, uid, resourceVersion } = metadata;
  const key: ObjectKey = namespace === undefined ? { name } : { name, namespace };
  const body = { ...patch, metadata: { uid, resourceVersion } };
  const options = subresource === undefined ? { signal } : { signal, subresource };
  await client.patch(resource, key, body, options);
}

/**
 * All of it, some at a time. What fails is left to the next pass; a conflict or an object that is
 * gone only says that the cache was behind. True when all succeeded. Throws when the store is full:
 * then no agent can beat either, and nothing may be concluded from silence.
 */
export async function forAll<T extends KubeObject>(
  { log, signal }: NodeLifecycleContext,
  objects: readonly T[],
  act: (object: T) => Promise<void>,
): Promise<boolean> {
  let clean = true;
  let full: unknown;
  const rest = objects[Symbol.iterator]();
  const work = async () => {
    for (const object of rest) {
      if (signal.aborted || full !== undefined) return;
      try {
        await act(object);
      } catch (error) {
        clean = false;
        if (hasReason(error, 'InsufficientStorage')) {
          full = error;
          return;
        }
        if (signal.aborted || hasReason(error, 'Conflict', 'NotFound')) continue;
        const { name, namespace } = object.metadata;
        log.warn({ kind: object.kind, name, namespace, err: error }, 'not done, retrying');
      }
    }
  };
  await Promise.all(Array.from({ length: parallelMax }, work));
  if (full !== undefined) throw full;
  return clean;
}

/** Conditions and taints are plain JSON. */
export function plain(value: readonly object[]): JsonValue {
  return value as unknown as JsonValue;
}
