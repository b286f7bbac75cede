/** Which runtime of the node an instance is in. Pure. */
import type { Pod } from '../../api/kinds.gen.ts';
import { defaultRuntime } from '../../api/node-fit.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { DesiredPods, InstanceSource } from './desired-pods.ts';

/** Which of them runs it; `undefined` when it is not here. */
export function runtimeOf(runtimes: readonly Runtime[], pod: Pod): Runtime | undefined {
  const wanted = pod.spec.runtimeClassName ?? defaultRuntime;
  return runtimes.find(({ name }) => name === wanted);
}

/** Finds the instance of a pod by name, for the server. */
export function locator(desired: DesiredPods, runtimes: readonly Runtime[]) {
  return (resource: InstanceSource, namespace: string, name: string) => {
    const pod = desired
      .list()
      .find(
        (each) =>
          isVm(each) === (resource === 'vms') &&
          each.metadata.namespace === namespace &&
          each.metadata.name === name,
      );
    const runtime = pod === undefined ? undefined : runtimeOf(runtimes, pod);
    if (pod === undefined || runtime === undefined) return undefined;
    return { runtime, id: pod.metadata.uid ?? '', pod };
  };
}
