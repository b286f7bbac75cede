/** A scheduler over a fake apiserver, with a clock that tests move. For tests. */
import type { Node, Pod } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf, type Resource } from '../../api/meta.ts';
import { events, nodes, pods } from '../../api/resources.gen.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { FakeBindingApi } from './fake-bindings.ts';
import { runScheduler } from './run-scheduler.ts';

const signal = new AbortController().signal;
const running: (() => Promise<void>)[] = [];

/** Ends every scheduler that was started. */
export async function stopWorlds(): Promise<void> {
  for (const stop of running.splice(0)) await stop();
}

export class World {
  readonly clock = new FakeClock();
  readonly random = seededRandom(7);
  readonly api = new FakeBindingApi({ clock: this.clock, random: this.random });

  start(identity = 'one'): { stop(): Promise<void> } {
    const { clock, random, api: client } = this;
    const abort = new AbortController();
    const options = { client, clock, random, log: silentLog, signal: abort.signal, identity };
    const done = runScheduler(options);
    const stop = async () => {
      abort.abort();
      await done;
    };
    running.push(stop);
    return { stop };
  }

  async node(name: string, cpu = '4', more: Partial<Node['spec']> = {}): Promise<Node> {
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: more };
    const created = await this.api.create<Node>(nodes, node, { signal });
    const allocatable = { cpu, memory: '8Gi', pods: '110' };
    const conditions = [{ type: 'Ready', status: 'True' as const }];
    const status = { allocatable, conditions };
    return this.api.update<Node>(nodes, { ...created, status }, { signal, subresource: 'status' });
  }

  async pod(name: string, cpu: string, more: PodOptions = {}): Promise<Pod> {
    const { spec, ...metadata } = more;
    const container = { name: 'main', image: 'image', resources: { requests: { cpu } } };
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name, ...metadata },
      spec: { containers: [container], ...spec },
    };
    return this.api.create<Pod>(pods, pod, { signal });
  }

  async get<T extends KubeObject>(resource: Resource, name: string): Promise<T> {
    const key = resource.namespaced ? { namespace: 'default', name } : { name };
    return this.api.get<T>(resource, key, { signal });
  }

  async nodeOf(pod: string): Promise<string | undefined> {
    return (await this.get<Pod>(pods, pod)).spec.nodeName;
  }

  async bound(): Promise<Record<string, string | undefined>> {
    const list = await this.api.list<Pod>(pods, { signal });
    return Object.fromEntries(list.items.map((pod) => [keyOf(pod).slice(8), pod.spec.nodeName]));
  }

  async eventReasons(pod: string): Promise<readonly (string | undefined)[]> {
    interface Event extends KubeObject {
      readonly reason?: string;
      readonly involvedObject: { readonly name?: string };
    }
    const list = await this.api.list<Event>(events, { signal });
    return list.items.filter((e) => e.involvedObject.name === pod).map((e) => e.reason);
  }
}

interface PodOptions {
  readonly ownerReferences?: NonNullable<Pod['metadata']['ownerReferences']>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<Pod['spec']>;
}
