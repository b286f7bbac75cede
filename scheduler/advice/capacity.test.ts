import { describe, expect, it } from 'vitest';
import type { IPPool, Pod, Volume, Workload } from '../../api/kinds.gen.ts';
import { disksAnnotation } from '../../api/volume.ts';
import { createLog } from '../../lib/log.ts';
import { Cluster } from '../controller/cluster.ts';
import { Engine } from '../engine/engine.ts';
import { podRequest } from '../engine/pod-request.ts';
import { seen } from '../engine/testing.ts';
import { capacityOf, type Wanted } from './capacity.ts';
import { Supplies } from './supplies.ts';
import { instanceOf } from './template.ts';

/** Two nodes of four processors, with disks of 10 and 5 GiB. */
class World {
  readonly cluster = new Cluster(createLog('silent'));
  readonly pools = new Map<string, IPPool>();
  readonly #engine = new Engine(this.cluster.snapshot);

  constructor() {
    const allocatable = { cpu: '4', pods: '110', memory: '8Gi' };
    const conditions = [{ type: 'Ready', status: 'True' as const }];
    for (const [name, capacity] of Object.entries({ n1: '10Gi', n2: '5Gi' })) {
      const disks = [{ name: 'd', class: 'local', path: '/d', capacity }];
      this.cluster.applyNode({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, annotations: { [disksAnnotation]: JSON.stringify(disks) } },
        spec: {},
        status: { allocatable, conditions },
      });
    }
  }

  capacity(object: Pod | Workload, wanted: Wanted = {}) {
    const workload = object.kind === 'Workload' ? object : undefined;
    const pod = object.kind === 'Workload' ? instanceOf(object, undefined) : object;
    const { volumes, snapshot, dimensions } = this.cluster;
    const stock = {
      pool: (name: string) => this.pools.get(name),
      reservation: () => undefined,
      volume: (key: string) => volumes.get(key),
      snapshot: () => undefined,
    };
    const supply = new Supplies(stock).supplyOf(pod, workload);
    const request = podRequest(pod, workload, dimensions, supply.ties);
    const before = seen(snapshot);
    const counting = capacityOf(this.#engine, request, wanted, supply);
    let part = counting.next();
    let parts = 1;
    for (; part.done !== true; parts += 1) part = counting.next();
    const status = part.value;
    expect(seen(snapshot)).toEqual(before);
    return { ...status, parts, rooms: status.nodes?.map(({ room }) => room) };
  }
}

const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }];

function workload(more: object): Workload {
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      identity: 'Stable',
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers } },
      ...more,
    },
  };
}

describe('capacity', () => {
  it('is told for each node and in all', () => {
    const answer = new World().capacity(workload({}));
    expect(answer).toMatchObject({ total: 8, rooms: [4, 4] });
    expect(answer.message).toBe('8 more would fit, on 2 of 2 nodes');
  });

  it('ends where the addresses of its pool do', () => {
    const world = new World();
    const metadata = { name: 'lan' };
    const pool = { apiVersion: 'berth.dev/v1', kind: 'IPPool', metadata } as const;
    world.pools.set('lan', { ...pool, spec: { cidr: '10.0.0.0/24' }, status: { free: 3 } });
    const asked = workload({ addresses: { pool: 'lan' } });
    const answer = world.capacity(asked);
    expect(answer).toMatchObject({ total: 3, rooms: [3, 3] });
    expect(answer.message).toContain('3 more would fit, on 2 of 2 nodes (ippool "lan" has 3 free');
    expect(world.capacity(asked, { count: 3 }).refused).toBeUndefined();
    expect(world.capacity(asked, { count: 4 }).refused).toBe(
      '3 are possible in all, 4 are asked for: ippool "lan" has 3 free addresses',
    );
    world.pools.set('lan', { ...pool, spec: { cidr: '10.0.0.0/24' } });
    expect(world.capacity(asked).total).toBe(8);
    world.pools.clear();
    expect(world.capacity(asked)).toMatchObject({
      total: 0,
      message: '0 more would fit, on 0 of 2 nodes (ippool "lan" is not there)',
    });
  });

  it('counts the Volumes that every instance brings along', () => {
    const spec = { size: '3Gi' };
    const asked = workload({ volumeClaimTemplates: [{ metadata: { name: 'data' }, spec }] });
    expect(new World().capacity(asked)).toMatchObject({ total: 4, rooms: [3, 1] });
  });

  it('is one for an instance that names its Volume', () => {
    const world = new World();
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    const metadata = { name: 'p', namespace: 'default' };
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, volumes } };
    expect(world.capacity(pod).message).toContain('(volume "data" does not exist)');
    const volume: Volume = {
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { namespace: 'default', name: 'data', uid: 'v' },
      spec: { size: '8Gi' },
    };
    world.cluster.volumes.apply(volume);
    expect(world.capacity(pod)).toMatchObject({ total: 1, rooms: [1, 0] });
  });

  it('is counted in parts, also where instances are tried one by one', () => {
    const world = new World();
    const { parts } = world.capacity(
      workload({ volumeClaimTemplates: [{ metadata: { name: 'v' }, spec: { size: '1Gi' } }] }),
    );
    // Four fit on each of two nodes.
    expect(parts).toBeGreaterThan(10);
  });
});
