import { describe, expect, it } from 'vitest';
import type {
  IPPool,
  IPReservation,
  Node,
  PlanStatus,
  Pod,
  Volume,
  Workload,
} from '../../api/kinds.gen.ts';
import { disksAnnotation } from '../../api/volume.ts';
import { createLog } from '../../lib/log.ts';
import { atOnce } from '../../lib/turns.ts';
import { Cluster } from '../controller/cluster.ts';
import { Gangs } from '../controller/gangs.ts';
import { Occupants } from '../controller/occupants.ts';
import { Engine } from '../engine/engine.ts';
import { seen } from '../engine/testing.ts';
import { planOf as decide } from './plan.ts';

class World {
  readonly cluster = new Cluster(createLog('silent'));
  readonly engine = new Engine(this.cluster.snapshot);
  readonly #nodes: Node[] = [];
  readonly #workloads = new Map<string, Workload>();
  readonly #pods: Pod[] = [];

  readonly occupants = new Occupants();
  readonly gangs = new Gangs();
  readonly pools = new Map<string, IPPool>();
  readonly reservations = new Map<string, IPReservation>();
  readonly stock = {
    pool: (name: string) => this.pools.get(name),
    reservation: (key: string) => this.reservations.get(key),
    volume: (key: string) => this.cluster.volumes.get(key),
    snapshot: () => undefined,
  };

  asks = () => false;
  nodes = () => this.#nodes;
  workload = (key: string) => this.#workloads.get(key);
  podsOf = (uid: string) =>
    this.#pods.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);

  node(name: string, cpu: string, disk?: string): void {
    const disks = [{ name: 'd', class: 'local', path: '/d', capacity: disk }];
    const annotations = disk === undefined ? {} : { [disksAnnotation]: JSON.stringify(disks) };
    const node: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, annotations },
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
      this.apply(pod);
    }
  }

  apply(pod: Pod): void {
    this.#pods.push(pod);
    this.cluster.applyPod(pod);
    this.occupants.apply(pod);
    this.gangs.apply(pod, false);
  }
}

/** A plan that nobody has to be asked for. */
function planOf(...given: Parameters<typeof decide>): PlanStatus {
  const status = atOnce(decide(...given));
  if (status === undefined) throw new Error('nobody was to be asked');
  return status;
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

function pool(name: string, free: number, more: object = {}): IPPool {
  const spec = { cidr: '10.0.0.0/24', ...more };
  return { apiVersion: 'berth.dev/v1', kind: 'IPPool', metadata: { name }, spec, status: { free } };
}

function reservation(name: string, address?: string): IPReservation {
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'IPReservation',
    metadata: { namespace: 'default', name },
    spec: { pool: 'lan' },
    ...(address === undefined ? {} : { status: { address } }),
  };
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
    world.pools.set('lan', pool('lan', 5, { nodeSelector: { rack: 'a' } }));
    const status = planOf(world, [workload('web', 1, '1', { addresses: { pool: 'lan' } })]);
    expect(status.placements?.[0]?.message).toContain("don't reach ippool lan");
  });

  it('refuses to decide without end', () => {
    expect(() => planOf(new World(), [workload('web', 2 ** 31 - 1, '1')])).toThrow('at most 10000');
  });

  it('makes room at the cost of less important ones, as few as do, and says whose', () => {
    const world = new World();
    world.node('n1', '2');
    world.node('n2', '2');
    for (const [name, node, priority] of [
      ['a', 'n1', 1],
      ['b', 'n2', 5],
    ] as const) {
      const plain = pod(name, '2', priority);
      world.apply({ ...plain, spec: { ...plain.spec, nodeName: node } });
    }
    const before = seen(world.cluster.snapshot);
    const status = planOf(world, [pod('vip', '2', 10), pod('poor', '2', 0)]);
    expect(status).toMatchObject({ placed: 1, unplaced: 1, evicted: 1 });
    expect(status.placements).toMatchObject([
      { name: 'vip', outcome: 'Placed', node: 'n1', evicts: ['default/a'] },
      { name: 'poor', outcome: 'Unplaced' },
    ]);
    expect(seen(world.cluster.snapshot)).toEqual(before);
    const polite = pod('polite', '2', 10);
    const never = { ...polite, spec: { ...polite.spec, preemptionPolicy: 'Never' as const } };
    expect(planOf(world, [never])).toMatchObject({ unplaced: 1, evicted: 0 });
  });

  it('evicts what the same manifest would leave where it is', () => {
    const world = new World();
    world.node('n1', '2');
    const web = workload('web', 1, '2');
    world.add(web, 'n1');
    const status = planOf(world, [web, pod('vip', '2', 10)]);
    expect(status.placements).toMatchObject([
      { name: 'web', outcome: 'Evicted' },
      { name: 'vip', outcome: 'Placed', evicts: ['default/web-0'] },
    ]);
    expect(status).toMatchObject({ staying: 0, evicted: 1 });
  });

  it('places a gang whole or not at all, with those of it that are there', () => {
    const world = new World();
    world.node('n1', '4');
    const gang = (replicas: number, minMember: number) =>
      workload('mpi', replicas, '1', { placement: { gang: { minMember } } });
    expect(planOf(world, [gang(4, 4)])).toMatchObject({ placed: 4, unplaced: 0 });
    const refused = planOf(world, [gang(5, 5), pod('other', '3', 0)]);
    expect(refused).toMatchObject({ placed: 1, unplaced: 5 });
    expect(refused.placements?.[0]?.message).toContain('gang "mpi": 4 of 5 members fit');
    expect(planOf(world, [gang(6, 4)])).toMatchObject({ placed: 4, unplaced: 2 });
    world.add(gang(3, 3), 'n1', 'n1', 'n1');
    expect(planOf(world, [gang(5, 3)])).toMatchObject({ staying: 3, placed: 1, unplaced: 1 });
    expect(planOf(world, [gang(3, 4)]).unplaced).toBe(0);
  });

  it('makes room for a gang only if that makes it whole', () => {
    const world = new World();
    world.node('n1', '2');
    const plain = pod('low', '1', 0);
    world.apply({ ...plain, spec: { ...plain.spec, nodeName: 'n1' } });
    const gang = (minMember: number) => {
      const made = workload('mpi', minMember, '1', { placement: { gang: { minMember } } });
      const { template } = made.spec;
      const spec = { ...template.spec, priority: 10 };
      return { ...made, spec: { ...made.spec, template: { ...template, spec } } };
    };
    expect(planOf(world, [gang(2)])).toMatchObject({ placed: 2, evicted: 1 });
    expect(planOf(world, [gang(3)])).toMatchObject({ placed: 0, unplaced: 3, evicted: 0 });
  });

  it('gives no more addresses than a pool has free', () => {
    const world = new World();
    world.node('n1', '8');
    world.pools.set('lan', pool('lan', 2));
    const web = workload('web', 3, '1', { identity: 'Stable', addresses: { pool: 'lan' } });
    const status = planOf(world, [web]);
    expect(status).toMatchObject({ placed: 2, unplaced: 1 });
    expect(status.placements?.[2]).toMatchObject({
      instance: 'web-2',
      message: 'ippool "lan" has 0 free addresses, 1 needed',
    });
    // Who has an address already needs none.
    world.reservations.set('default/web-1', reservation('web-1', '10.0.0.7'));
    expect(planOf(world, [web])).toMatchObject({ placed: 3, unplaced: 0 });
  });

  it('knows the pools and reservations that a manifest brings along', () => {
    const world = new World();
    world.node('n1', '8');
    const annotations = { 'berth.dev/ip-reservation': 'mine' };
    const plain = pod('p', '1', 0);
    const own = { ...plain, metadata: { ...plain.metadata, annotations } };
    const whyNot = (...given: Parameters<typeof planOf>) =>
      planOf(...given).placements?.map(({ node, message }) => node ?? message);
    expect(whyNot(world, [own])).toEqual(['ipreservation "mine" is not there']);
    const { status: _, ...fresh } = pool('lan', 0);
    const additions = { volumes: [], pools: [fresh], reservations: [reservation('mine')] };
    expect(whyNot(world, [own], additions)).toEqual(['n1']);
    const second = { ...own, metadata: { ...own.metadata, name: 'q', uid: 'q' } };
    expect(whyNot(world, [own, second], additions)).toEqual([
      'n1',
      'ipreservation "mine" is held by Pod "p"',
    ]);
  });

  it('counts the Volumes that a manifest or a template brings along', () => {
    const world = new World();
    world.node('n1', '8', '10Gi');
    world.node('n2', '8', '5Gi');
    const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: { size: '4Gi' } }];
    const db = workload('db', 4, '1', { identity: 'Stable', volumeClaimTemplates });
    const status = planOf(world, [db]);
    expect(status).toMatchObject({ placed: 3, unplaced: 1 });
    expect(status.placements?.map(({ node }) => node).sort()).toEqual([
      'n1',
      'n1',
      'n2',
      undefined,
    ]);
    expect(status.placements?.[0]?.devices).toMatchObject({ disks: [{ name: 'data-db-0' }] });

    const plain = pod('p', '1', 0);
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'big' } }];
    const using = { ...plain, spec: { ...plain.spec, volumes } };
    expect(planOf(world, [using]).placements?.[0]?.message).toBe('volume "big" does not exist');
    const big: Volume = {
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { namespace: 'default', name: 'big' },
      spec: { size: '9Gi' },
    };
    const additions = { volumes: [big], pools: [], reservations: [] };
    expect(planOf(world, [using], additions).placements?.[0]?.node).toBe('n1');
    const other = { ...using, metadata: { ...using.metadata, name: 'q', uid: 'q' } };
    expect(planOf(world, [using, other], additions).placements?.[1]?.message).toBe(
      'volume "big" is held by Pod "p": one at a time uses it',
    );
  });
});

describe('a plan that is made in turns', () => {
  it('takes back all that it tried, whatever happens meanwhile and whenever it is given up', () => {
    const low = (name: string, node: string): Pod => {
      const made = pod(name, '2', 0);
      return { ...made, spec: { ...made.spec, nodeName: node } };
    };
    /** What is there after a plan that is let go after so many parts, when one instance has gone after half of them. */
    const leftAfter = (parts: number) => {
      const world = new World();
      for (const name of ['n1', 'n2']) world.node(name, '2');
      const gone = low('low1', 'n1');
      for (const each of [gone, low('low2', 'n2')]) world.apply(each);
      const web = workload('web', 1, '1', { template: { spec: pod('', '2', 10).spec } });
      const planning = decide(world, [web, pod('vip', '2', 10), pod('other', '2', 10)]);
      let count = 0;
      for (; count < parts && planning.next().done !== true; count += 1) {
        if (count !== Math.floor(parts / 2)) continue;
        world.cluster.deletePod(gone);
        world.occupants.delete('low1');
      }
      planning.return(undefined);
      return { count, left: [...world.cluster.snapshot.placed()] };
    };
    let parts = 1;
    for (; leftAfter(parts).count === parts; parts += 1) {
      expect(leftAfter(parts).left).toEqual(['low2']);
    }
    expect(parts).toBeGreaterThan(12);
  });

  it('pauses after each instance', () => {
    const world = new World();
    world.node('n1', '1000');
    const planning = decide(world, [workload('web', 100, '1')]);
    let parts = 0;
    while (planning.next().done !== true) parts += 1;
    expect(parts).toBeGreaterThan(400);
  });
});
