/** Holds the controllers to `maxUnavailable`: what they take away themselves leaves enough that is ready. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { isReady } from './model-invariants.ts';
import type { World } from './model-world.ts';

/** Follows pods and workloads as they are at each moment, and every delete of the controllers. */
export function watchUpdates(world: World, broken: string[]): void {
  const pods = new Map<string, Pod>();
  const workloads = new Map<string, Workload>();
  world.onChange = (object) => {
    const { uid = '' } = object.metadata;
    if (object.kind === 'Pod') pods.set(uid, object as Pod);
    if (object.kind === 'Workload') workloads.set(uid, object as Workload);
  };
  world.onGone = ({ metadata: { uid = '' } }) => {
    pods.delete(uid);
    workloads.delete(uid);
  };
  world.onWrite = ({ user, method, path }) => {
    if (user !== 'system:berth:controllers' || method !== 'DELETE') return;
    const name = /\/pods\/([^/?]+)/.exec(path)?.[1];
    const pod = [...pods.values()].find(({ metadata }) => metadata.name === name);
    if (pod === undefined || !isReady(pod)) return;
    const owner = workloads.get(pod.metadata.ownerReferences?.[0]?.uid ?? '');
    if (owner === undefined || owner.metadata.deletionTimestamp !== undefined) return;
    const { replicas = 1, running, update } = owner.spec;
    if (running === false) return;
    const ready = [...pods.values()].filter(
      (one) =>
        one.metadata.ownerReferences?.[0]?.uid === owner.metadata.uid &&
        one !== pod &&
        isReady(one),
    );
    const least = replicas - Number(update?.maxUnavailable ?? 0);
    if (ready.length >= least) return;
    broken.push(
      `the controllers delete ${name} although then only ${ready.length} of ${replicas} are ready ` +
        `(${JSON.stringify(update)})`,
    );
  };
}
