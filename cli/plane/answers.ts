/** What the scheduler answers and the apiserver serves: neither knows the other. */

import type { Pod, VM, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Answers } from '../../apiserver/index.ts';
import type { Adviser } from '../../scheduler/advice/adviser.ts';

/** `adviser` is undefined until the server serves. */
export function schedulerAnswers(adviser: () => Adviser | undefined): Answers {
  const about =
    <T extends KubeObject>(answer: (from: Adviser, object: T, signal: AbortSignal) => unknown) =>
    async ({ object, signal }: { readonly object: JsonObject; readonly signal: AbortSignal }) => {
      const from = adviser();
      if (from === undefined) throw starting();
      // The kind is the one that the question is asked of; answers are plain data.
      return (await answer(from, object as unknown as T, signal)) as JsonObject;
    };
  return {
    parts: {
      'pods/why': about<Pod>((from, pod, signal) => from.whyPod(pod, signal)),
      'vms.berth.dev/why': about<VM>((from, vm, signal) => from.whyVm(vm, signal)),
      'workloads.berth.dev/why': about<Workload>((from, workload, signal) =>
        from.whyWorkload(workload, signal),
      ),
    },
    asked: {},
  };
}

function starting(): StatusError {
  return new StatusError(503, 'ServiceUnavailable', 'the server is starting');
}
