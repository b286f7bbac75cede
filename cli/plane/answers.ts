/** What the scheduler answers and the apiserver serves: neither knows the other. */

import type { Capacity, Plan, Pod, VM, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Answers, UserInfo } from '../../apiserver/index.ts';
import type { Client } from '../../client/client.ts';
import type { Adviser } from '../../scheduler/advice/adviser.ts';

/** Who answers, and how somebody acts through this server. */
export interface Answerer {
  readonly adviser: Adviser;
  client(user: UserInfo): Client;
}

/** `answerer` is undefined until the server serves. */
export function schedulerAnswers(answerer: () => Answerer | undefined): Answers {
  const current = () => {
    const from = answerer();
    if (from === undefined) throw starting();
    return from;
  };
  const about =
    <T extends KubeObject>(answer: (from: Adviser, object: T, signal: AbortSignal) => unknown) =>
    async ({ object, signal }: { readonly object: JsonObject; readonly signal: AbortSignal }) => {
      const { adviser } = current();
      // The kind is the one that the question is asked of; answers are plain data.
      return (await answer(adviser, object as unknown as T, signal)) as JsonObject;
    };
  return {
    parts: {
      'pods/why': about<Pod>((from, pod, signal) => from.whyPod(pod, signal)),
      'vms.berth.dev/why': about<VM>((from, vm, signal) => from.whyVm(vm, signal)),
      'workloads.berth.dev/why': about<Workload>((from, workload, signal) =>
        from.whyWorkload(workload, signal),
      ),
    },
    asked: {
      async plans({ body, user, namespace, signal }) {
        const { adviser, client } = current();
        const { spec } = body as unknown as Plan; // Its schema holds.
        const applicant = { client: client(user), namespace, signal };
        const status = await adviser.plan(spec.objects as readonly JsonObject[], applicant);
        return answered(body, 'Plan', status);
      },
      async capacities({ body, user, namespace, signal }) {
        const { adviser, client } = current();
        const { spec } = body as unknown as Capacity; // Its schema holds.
        const applicant = { client: client(user), namespace, signal };
        return answered(body, 'Capacity', await adviser.capacity(spec, applicant));
      },
    },
  };
}

/** Statuses are plain data. */
function answered(body: JsonObject, kind: string, status: object): JsonObject {
  return { ...body, apiVersion: 'berth.dev/v1', kind, status: status as JsonObject };
}

function starting(): StatusError {
  return new StatusError(503, 'ServiceUnavailable', 'the server is starting');
}
