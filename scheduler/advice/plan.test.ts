import { describe, expect, it } from 'vitest';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { createLog } from '../../lib/log.ts';
import { Cluster } from '../controller/cluster.ts';
import { Engine } from '../engine/engine.ts';
import type { PoolReach } from '../engine/request.ts';
import { seen } from '../engine/testing.ts';
import { planOf } from './plan.ts';

class World {
  readonly cluster = new Cluster(createLog('silent'));
  readonly engine = new Engine(this.cluster.snapshot);
  readonly #nodes: Node[] = [];
  readonly #workloads = new Map<string, Workload>();
  readonly #pods: Pod[] = [];

  /** By name of the pool that a workload asks for. */
  readonly pools = new Map<string, PoolReach>();

  nodes = () => this.#nodes;
  poolsOf = (_: Pod, of: Workload | undefined) => {
    const reach = this.pools.get(of?.spec.addresses?.pool ?? '');
    return reach === undefined ? [] : [reach];
  };
  workload = (key: string) => this.#workloads.get(key);
  podsOf = (uid: string) =>
    this.#pods.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);

  node(name: string, cpu: string): void {
    const node: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec: {},
      status: {
        allocatable: { cpu, pods: '110', memory: '8Gi' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    };
    this.#nodes.push(node);
    this.cluster.applyNode(node);
  }

  add(workload: Workload, ...nodes: readonly string[]): void {
    const { name = '', uid = '' } = workload.metadata;
    this.#workloads.set(`default/${name}`, workload);
    for (const [i, nodeName] of nodes.entries()) {
      const pod: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: `${name}-${i}`,
          namespace: 'default',
          uid: `${uid}-${i}`,
          ownerReferences: [
            { apiVersion: 'berth.dev/v1', kind: 'Workload', name, uid, controller: true },
          ],
        },
        spec: { ...workload.spec.template.spec, nodeName },
      };
      this.#pods.push(pod);
      this.cluster.applyPod(pod);
    }
  }
}

function workload(name: string, replicas: number, cpu: string, more: object = {}): Workload {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: {
      replicas,
      runtime: 'docker',
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers } },
      ...more,
    },
  };
}

function pod(name: string, cpu: string, priority: number): Pod {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  const metadata = { name, namespace: 'default', uid: name };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, priority } };
}

describe('a plan', () => {
  it('keeps what is there, and adds what is missing, beside it', () => {
    const world = new World();
    world.node('n1', '4');
    world.node('n2', '4');
    world.add(workload('web', 1, '1'), 'n1');
    const status = planOf(world, [workload('web', 3, '1')]);
    expect(status).toMatchObject({ staying: 1, placed: 2, unplaced: 0, removed: 0 });
    expect(
      status.placements?.map(({ instance, outcome, node }) => [instance, outcome, node]),
    ).toEqual([
      ['web-0', 'Stays', 'n1'],
      ['2', 'Placed', 'n2'],
      ['3', 'Placed', 'n1'],
    ]);
  });

  it('says which go where there are too many', () => {
    const world = new World();
    world.node('n1', '4');
    world.add(workload('web', 2, '1'), 'n1', 'n1');
    expect(planOf(world, [workload('web', 1, '1')])).toMatchObject({ staying: 1, removed: 1 });
  });

  it('replaces all instances of another template, in the room that they leave', () => {
    const world = new World();
    world.node('n1', '4');
    world.add(workload('web', 2, '2'), 'n1', 'n1');
    const before = seen(world.cluster.snapshot);
    const status = planOf(world, [workload('web', 2, '1500m')]);
    expect(status.placements).toMatchObject([
      { outcome: 'Placed', node: 'n1', from: 'n1' },
      { outcome: 'Placed', node: 'n1', from: 'n1' },
    ]);
    expect(seen(world.cluster.snapshot)).toEqual(before);
  });

  it('decides by priority, and tells why something finds no node', () => {
    const world = new World();
    world.node('n1', '2');
    const status = planOf(world, [pod('low', '2', 0), pod('high', '2', 10)]);
    expect(status.placements).toMatchObject([
      { name: 'high', outcome: 'Placed', node: 'n1' },
      { name: 'low', outcome: 'Unplaced' },
    ]);
    expect(status.placements?.[1]?.message).toContain('Insufficient cpu (asked 2, at most 0 free');
  });

  it('lays out Each all at once, or not at all', () => {
    const world = new World();
    world.node('n1', '4');
    world.node('n2', '4');
    const each = (perNode: number) =>
      workload('web', 1, '1', { placement: { strategy: 'Each', perNode, nodes: 2 } });
    const fits = planOf(world, [each(2)]);
    expect(fits).toMatchObject({ placed: 4, unplaced: 0 });
    expect(fits.placements?.map(({ node }) => node).sort()).toEqual(['n1', 'n1', 'n2', 'n2']);
    expect(planOf(world, [each(5)])).toMatchObject({ placed: 0, unplaced: 10 });
  });

  it('leaves the runs of a Cron for later, and a pod that is bound where it is', () => {
    const world = new World();
    world.node('n1', '2');
    const bound = { ...pod('p', '1', 0), spec: { ...pod('p', '1', 0).spec, nodeName: 'n1' } };
    const status = planOf(world, [workload('cron', 5, '1', { type: 'Cron' }), bound]);
    expect(status.placements).toEqual([
      { kind: 'Pod', namespace: 'default', name: 'p', outcome: 'Stays', node: 'n1' },
    ]);
  });

  it('sends what uses a Volume to where that lies', () => {
    const world = new World();
    world.node('n1', '4');
    world.node('n2', '8');
    world.cluster.volumes.apply({
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { namespace: 'default', name: 'data', uid: 'v' },
      spec: { size: '1Gi', nodeName: 'n1', allocation: { disk: 'local' } },
      status: { holder: { kind: 'Pod', name: 'p', uid: 'before' } },
    });
    const plain = pod('p', '1', 0);
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    const using = { ...plain, spec: { ...plain.spec, volumes } };
    const nodeOf = (one: Pod) => planOf(world, [one]).placements?.[0]?.node;
    expect([nodeOf(plain), nodeOf(using)]).toEqual(['n2', 'n1']);
  });

  it('takes only nodes that reach the pool of its addresses', () => {
    const world = new World();
    world.node('n1', '4');
    world.pools.set('lan', { name: 'lan', nodeSelector: [['rack', 'a']] });
    const status = planOf(world, [workload('web', 1, '1', { addresses: { pool: 'lan' } })]);
    expect(status.placements?.[0]?.message).toContain("don't reach ippool lan");
  });

  it('refuses to decide without end', () => {
    expect(() => planOf(new World(), [workload('web', 2 ** 31 - 1, '1')])).toThrow('at most 10000');
  });
});
