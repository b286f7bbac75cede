import type { Event, Node, Pod } from '../../api/kinds.gen.ts';
import { type JsonObject, keyOf } from '../../api/meta.ts';
import { events, leases, nodes, pods, workloads } from '../../api/resources.gen.ts';
import type { NodeLifecycleOptions } from '../../controllers/node-lifecycle/context.ts';
import { runNodeLifecycle } from '../../controllers/node-lifecycle/run.ts';
import { workloadController } from '../../controllers/workload/controller.ts';
import { type Bench, createBench } from './controller-bench.ts';
import { object } from './fake-api.ts';

const signal = new AbortController().signal;

export const leaseKey = (name: string) => ({ namespace: 'kube-node-lease', name });

/** Nodes with agents that can be cut off, and the controllers. */
export class NodeScene {
  readonly bench: Bench = createBench();
  /** Agents that beat. */
  readonly alive = new Set<string>();
  #beat = 0;

  static async make(
    count: number,
    options: Partial<NodeLifecycleOptions> = {},
  ): Promise<NodeScene> {
    const scene = new NodeScene();
    const { bench } = scene;
    for (let i = 1; i <= count; i += 1) await scene.addNode(`n${i}`);
    bench.run(workloadController(bench));
    bench.runTask((deps) => runNodeLifecycle(deps, options));
    await bench.start();
    await scene.pass(6_000);
    return scene;
  }

  /** What another had stored, `ms` later, and new controllers. */
  static async after(before: NodeScene, ms: number): Promise<NodeScene> {
    const scene = new NodeScene();
    const { bench } = scene;
    await bench.clock.advance(before.bench.clock.now() - bench.clock.now());
    for (const kind of [workloads, nodes, leases, pods]) {
      for (const each of before.bench.api.all(kind)) {
        const owner = bench.api.peek(workloads, 'a/web')?.metadata.uid;
        const ownerReferences = each.metadata.ownerReferences?.map((reference) => ({
          ...reference,
          uid: owner ?? '',
        }));
        const metadata = { ...each.metadata, ...(ownerReferences ? { ownerReferences } : {}) };
        const copy = await bench.api.create(kind, { ...each, metadata }, { signal });
        const { status } = each as unknown as { status?: JsonObject };
        if (status !== undefined) await bench.patch(kind, keyOf(copy), { status }, 'status');
      }
    }
    await bench.clock.advance(ms);
    for (const name of before.alive) scene.alive.add(name);
    scene.#beat = before.#beat;
    bench.runTask((deps) => runNodeLifecycle(deps));
    await bench.start();
    return scene;
  }

  async addNode(name: string): Promise<void> {
    const { api } = this.bench;
    await api.create(nodes, object(nodes, name, { spec: {} }), { signal });
    const spec = { renewTime: '0' };
    await api.create(leases, object(leases, `kube-node-lease/${name}`, { spec }), { signal });
    this.alive.add(name);
    await this.say(name, 'True');
  }

  /** What an agent says of its node. */
  async say(name: string, ready: 'True' | 'False'): Promise<void> {
    const lastHeartbeatTime = new Date(this.bench.clock.now()).toISOString();
    const conditions = [{ type: 'Ready', status: ready, reason: 'Agent', lastHeartbeatTime }];
    await this.bench.patch(nodes, name, { status: { conditions } }, 'status');
  }

  /** Lets time pass; who is alive beats every five seconds. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5_000) {
      this.#beat += 1;
      for (const name of this.alive) {
        const spec = { renewTime: String(this.#beat) };
        await this.bench.api
          .patch(leases, leaseKey(name), { spec }, { signal })
          .catch(() => undefined);
      }
      await this.bench.pass(Math.min(5_000, ms - passed));
    }
    await this.bench.pass(200);
  }

  async workload(name: string, spec: JsonObject = {}, pod: JsonObject = {}): Promise<void> {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c' }], ...pod } };
    const whole = { replicas: 1, selector: { matchLabels: labels }, template, ...spec };
    await this.bench.api.create(workloads, object(workloads, `a/${name}`, { spec: whole }), {
      signal,
    });
    await this.bench.pass(100);
  }

  /** What scheduler and agent would do. */
  async runOn(node: string): Promise<void> {
    for (const pod of this.pods()) {
      if (pod.spec.nodeName !== undefined) continue;
      const key = `a/${pod.metadata.name}`;
      await this.bench.patch(pods, key, { spec: { nodeName: node } });
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      await this.bench.patch(pods, key, { status }, 'status');
    }
    await this.bench.pass(100);
  }

  node(name: string): Node | undefined {
    return this.bench.api.peek<Node>(nodes, name);
  }

  ready(name: string) {
    return this.node(name)?.status?.conditions?.find(({ type }) => type === 'Ready');
  }

  taints(name: string): readonly string[] {
    return (this.node(name)?.spec.taints ?? []).map(
      ({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`,
    );
  }

  pods(): readonly Pod[] {
    return this.bench.api.all<Pod>(pods);
  }

  leaving(): readonly string[] {
    return this.pods()
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata }) => metadata.name ?? '');
  }

  staying(): readonly string[] {
    return this.pods()
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name ?? '');
  }

  events(reason: string): readonly Event[] {
    return this.bench.api.all<Event>(events).filter((event) => event.reason === reason);
  }
}
