/** A namespace of a running plane, with short words for what the tests do in it. */
import { readFile } from 'node:fs/promises';
import type { ContainerInfo } from 'dockerode';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type {
  ConfigMap,
  Container,
  Event,
  Pod,
  PodSpec,
  Workload,
  WorkloadSpec,
} from '../../api/kinds.gen.ts';
import type { KubeObject, ObjectMeta, Resource } from '../../api/meta.ts';
import { events, namespaces, pods, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { soak } from '../faults/runs.ts';
import { busyboxImage } from '../harness/images.ts';
import { type Kubectl, kubectlOf } from '../harness/kubectl.ts';
import { docker, type Plane, type StoreKind, startPlane, stores } from '../harness/plane.ts';
import type { Output } from '../harness/run-command.ts';
import { until } from './until.ts';

/** Long, because the machine may be busy with other tests; nothing waits longer than it must. */
const testTimeoutMs = 150_000;

/** For calls that nobody interrupts. */
export const never = { signal: new AbortController().signal };

/** Serves `$HOSTNAME` on port 80, and ends at once when asked to. */
export const webScript =
  'echo "I am $HOSTNAME" >/tmp/index.html; trap "exit 0" TERM; httpd -f -p 80 -h /tmp & wait';

/** Does nothing, and ends at once when asked to. */
export const restScript = 'trap "exit 0" TERM; while :; do sleep 60 & wait $!; done';

/** Runs tests on every store: what a store has a part in. */
export function onEachStore(title: string, define: (plane: () => Plane) => void): void {
  onStores(stores, title, define);
}

/** What a store has little part in is tested on one of them, and in a soak on both. */
export function onEmbedded(title: string, define: (plane: () => Plane) => void): void {
  onStores(soak ? stores : ['embedded'], title, define);
}

export function onEtcd(title: string, define: (plane: () => Plane) => void): void {
  onStores(soak ? stores : ['etcd'], title, define);
}

/**
 * In order, each store with a plane of its own that is gone afterwards. The stores run side by side: much of the
 * time is spent waiting.
 */
function onStores(
  on: readonly StoreKind[],
  title: string,
  define: (plane: () => Plane) => void,
): void {
  describe.concurrent.each(on)('%s', { timeout: testTimeoutMs }, (store) => {
    describe.sequential(title, () => {
      let plane: Plane | undefined;
      beforeAll(async () => {
        plane = await startPlane(store);
      }, testTimeoutMs);
      afterAll(async () => {
        if (plane === undefined) return;
        const errors = plane.log().split('\n').filter(isError);
        await plane.remove();
        expect(errors, 'the log of the plane has no errors').toEqual([]);
      }, testTimeoutMs);
      define(() => {
        if (plane === undefined) throw new Error('the plane did not start');
        return plane;
      });
    });
  });
}

/** A machine that is too busy to renew a lease in time is no fault of Berth's. */
const mayHappen = /too many nodes are not ready at once/;

function isError(line: string): boolean {
  return /"level":"(error|fatal)"/.test(line) && !mayHappen.test(line);
}

export interface PodChange {
  readonly type: string;
  readonly pod: Pod;
}

export class Scene {
  readonly plane: Plane;
  readonly namespace: string;

  private constructor(plane: Plane, namespace: string) {
    this.plane = plane;
    this.namespace = namespace;
  }

  /** With a namespace of its own. */
  static async open(plane: Plane): Promise<Scene> {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'e2e-' } };
    const { metadata } = await plane.client.create<KubeObject>(namespaces, namespace, never);
    return new Scene(plane, metadata.name ?? '');
  }

  get client() {
    return this.plane.client;
  }

  get kubectl(): Kubectl {
    return kubectlOf(this.plane, { namespace: this.namespace });
  }

  /** Runs a `berth` verb in the namespace; fails the test when it fails. */
  async berth(...args: readonly string[]): Promise<string> {
    const [verb = '', ...rest] = args;
    const { code, stdout, stderr } = await this.plane.berth([verb, '-n', this.namespace, ...rest]);
    if (code !== 0) throw new Error(`berth ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const metadata = { ...object.metadata, namespace: this.namespace };
    return this.client.create<T>(resource, { ...object, metadata }, never);
  }

  get<T extends KubeObject>(resource: Resource, name: string): Promise<T> {
    return this.client.get<T>(resource, { namespace: this.namespace, name }, never);
  }

  patch<T extends KubeObject>(resource: Resource, name: string, patch: object): Promise<T> {
    const key = { namespace: this.namespace, name };
    return this.client.patch<T>(resource, key, patch as Record<string, never>, never);
  }

  delete(resource: Resource, name: string, gracePeriodSeconds?: number): Promise<void> {
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    const key = { namespace: this.namespace, name };
    return this.client.delete(resource, key, { ...never, ...grace });
  }

  createPod(name: string, spec: Partial<PodSpec>, metadata: ObjectMeta = {}): Promise<Pod> {
    return this.create<Pod>(pods, podOf(name, spec, metadata));
  }

  createWorkload(name: string, spec: Partial<WorkloadSpec>, script = restScript) {
    return this.create<Workload>(workloads, workloadOf(name, spec, script));
  }

  workload(name: string): Promise<Workload> {
    return this.get<Workload>(workloads, name);
  }

  pod(name: string): Promise<Pod> {
    return this.get<Pod>(pods, name);
  }

  async pods(labelSelector?: string): Promise<readonly Pod[]> {
    const selector = labelSelector === undefined ? {} : { labelSelector };
    const options = { namespace: this.namespace, ...selector, ...never };
    return (await this.client.list<Pod>(pods, options)).items;
  }

  /** Reasons and messages of the events about an object. */
  async events(name: string): Promise<readonly Event[]> {
    const options = { namespace: this.namespace, ...never };
    const { items } = await this.client.list<Event>(events, options);
    return items.filter(({ involvedObject }) => involvedObject?.name === name);
  }

  untilPod(name: string, what: string, is: (pod: Pod) => boolean, timeoutMs?: number) {
    let last: Pod | undefined;
    const probe = async () => {
      last = await this.pod(name);
      return is(last) ? last : undefined;
    };
    return until(`pod ${name} ${what}`, probe, timeoutMs).catch((error) => {
      throw new Error(`${error.message} ${JSON.stringify(last?.status, null, 1)}`);
    });
  }

  untilReady(name: string): Promise<Pod> {
    return this.untilPod(name, 'is ready', isReady);
  }

  /** Until exactly `count` pods exist, all of them ready. */
  async untilReadyPods(count: number, labelSelector?: string): Promise<readonly Pod[]> {
    let last: readonly Pod[] = [];
    const probe = async () => {
      last = await this.pods(labelSelector);
      return last.length === count && last.every(isReady) ? last : undefined;
    };
    return await until(`${count} pods are ready`, probe).catch((error) => {
      const told = last.map((pod) => ({ name: nameOf(pod), status: pod.status }));
      throw new Error(`${error.message} ${JSON.stringify(told, null, 1)}`);
    });
  }

  async untilNoPods(): Promise<void> {
    await until('no pod is left', async () => (await this.pods()).length === 0);
  }

  async untilGone(resource: Resource, name: string): Promise<void> {
    await until(`${resource.resource} ${name} is gone`, async () => {
      try {
        await this.get(resource, name);
        return false;
      } catch (error) {
        if (hasReason(error, 'NotFound')) return true;
        throw error;
      }
    });
  }

  /** The containers of the namespace's pods, without those that only hold a network. */
  async containers(): Promise<readonly ContainerInfo[]> {
    return (await this.plane.containers()).filter(
      ({ Labels }) =>
        Labels['berth.dev/namespace'] === this.namespace && Labels['berth.dev/sandbox'] !== 'true',
    );
  }

  /** Process ids of the running containers, by container id. */
  async pids(): Promise<ReadonlyMap<string, number>> {
    const running = (await this.containers()).filter(({ State }) => State === 'running');
    const entries = running.map(async ({ Id }) => {
      const { State } = await docker.getContainer(Id).inspect();
      return [Id, State.Pid] as const;
    });
    return new Map(await Promise.all(entries));
  }

  logs(pod: string, ...flags: readonly string[]): Promise<string> {
    return this.berth('logs', pod, ...flags);
  }

  exec(pod: string, ...command: readonly string[]): Promise<Output> {
    return this.plane.berth(['exec', '-n', this.namespace, pod, '--', ...command]);
  }
}

export function containerOf(script: string, more: Partial<Container> = {}): Container {
  return { name: 'main', image: busyboxImage, command: ['sh', '-c', script], ...more };
}

export function podOf(name: string, spec: Partial<PodSpec>, metadata: ObjectMeta = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, containers: [containerOf(restScript)], ...spec },
  };
}

export function workloadOf(
  name: string,
  spec: Partial<WorkloadSpec>,
  script: string,
  container: Partial<Container> = {},
): Workload {
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 1, containers: [containerOf(script, container)] },
      },
      ...spec,
    },
  };
}

export function configMapOf(name: string, data: Readonly<Record<string, string>>): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

export function isReady(pod: Pod): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && pod.metadata.deletionTimestamp === undefined;
}

/** Of the pod's first container. */
export function restartsOf({ status }: Pod): number {
  return status?.containerStatuses?.[0]?.restartCount ?? 0;
}

export function nameOf({ metadata }: KubeObject): string {
  return metadata.name ?? '';
}

/** What the kernel enforces on a process: the text of one file of its cgroup. */
export async function cgroupValue(
  pid: number,
  file: { readonly v1: readonly [controller: string, name: string]; readonly v2: string },
): Promise<string> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  const [controller, name] = file.v1;
  for (const line of lines) {
    const [, controllers = '', path = ''] = line.split(':');
    if (controllers.split(',').includes(controller)) {
      return (await readFile(`/sys/fs/cgroup/${controllers}${path}/${name}`, 'utf8')).trim();
    }
  }
  const path = lines.find((line) => line.startsWith('0::'))?.slice(3) ?? '';
  return (await readFile(`/sys/fs/cgroup${path}/${file.v2}`, 'utf8')).trim();
}
