import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuBound } from '../dimensions/cpu-bound/cpu-bound.ts';
import { Engine } from '../engine/engine.ts';
import { obstaclesOn } from '../engine/explain.ts';
import {
  type DiskRecord,
  type NodeRecord,
  type PlacementRequest,
  withClassKey,
} from '../engine/request.ts';
import { Snapshot } from '../engine/snapshot.ts';
import { node, request, seen } from '../engine/testing.ts';
import { estimates } from './estimate.ts';
import type { Occupant, PreemptionOptions } from './occupant.ts';
import { preempt, type Tries, tryOut } from './preempt.ts';
import { compareVictims, type Victims } from './rank.ts';
import { victimsOn } from './victims.ts';

const names = ['n1', 'n2', 'n3'];

const any = Number.POSITIVE_INFINITY;
const disk: Omit<DiskRecord, 'name' | 'size'> = {
  ...{ readIops: any, writeIops: any, readBps: any, writeBps: any },
  class: 'local',
  retained: [],
};
const noRates = { readIops: 0, writeIops: 0, readBps: 0, writeBps: 0 };

const nodes: fc.Arbitrary<NodeRecord[]> = fc.uniqueArray(
  fc
    .record({
      name: fc.constantFrom(...names),
      cpu: fc.integer({ min: 1000, max: 4000 }),
      memory: fc.integer({ min: 1000, max: 4096 }),
      cores: fc.integer({ min: 1, max: 4 }),
      fpga: fc.integer({ min: 0, max: 2 }),
      gpus: fc.array(fc.constant('T4'), { maxLength: 2 }),
      sizes: fc.array(fc.integer({ min: 30, max: 90 }), { maxLength: 2 }),
      zone: fc.constantFrom('x', 'y'),
      unschedulable: fc.constantFrom(false, false, false, true),
    })
    .map(({ name, cpu, memory, cores, fpga, gpus, sizes, zone, unschedulable }) => ({
      ...node(
        name,
        { cpu, memory, 'example.com/fpga': fpga },
        {
          labels: { zone },
          traits: { unschedulable },
          cores: { ids: Array.from({ length: cores }, (_, i) => i), pieces: 100, numa: [] },
          gpus,
        },
      ),
      disks: sizes.map((size, i) => ({ ...disk, name: `d${i}`, size })),
    })),
  { selector: ({ name }) => name, minLength: 1 },
);

const shapes = {
  cpu: fc.integer({ min: 0, max: 2000 }),
  memory: fc.integer({ min: 0, max: 2048 }),
  port: fc.constantFrom(80, 81, undefined),
  boundPieces: fc.constantFrom(0, 0, 30, 50, 100, 130),
  fpga: fc.constantFrom(0, 0, 0, 1),
  gpuMilli: fc.constantFrom(0, 0, 0, 300, 700, 1000, 2000),
  volume: fc.constantFrom(0, 0, 0, 20, 50),
  exclusive: fc.boolean(),
  owner: fc.constantFrom('a', 'b', undefined),
};

function made(
  uid: string,
  { cpu, memory, port, boundPieces, fpga, gpuMilli, volume, exclusive, owner }: Shape,
  more: Partial<Pick<PlacementRequest, 'maxPerNode' | 'nodeSelector'>> = {},
): PlacementRequest {
  const hostPorts = port === undefined ? [] : [port];
  const amounts = { cpu, memory, 'example.com/fpga': fpga };
  const asked = request(uid, amounts, { hostPorts, boundPieces, gpuMilli, owner, ...more });
  if (volume === 0) return asked;
  const need = [{ name: uid, class: 'local', size: volume, exclusive, ...noRates }];
  const { classKey: _, ...plain } = asked;
  return withClassKey({ ...plain, parts: [...plain.parts, { dimension: 'disks', need }] });
}

interface Shape {
  readonly cpu: number;
  readonly memory: number;
  readonly port: number | undefined;
  readonly boundPieces: number;
  readonly fpga: number;
  /** Thousandths of one GPU, or whole ones. */
  readonly gpuMilli: number;
  /** Its size; 0: none. */
  readonly volume: number;
  readonly exclusive: boolean;
  readonly owner: string | undefined;
}

/** An occupant, and which budgets count it. */
type Tenant = Omit<Occupant, 'uid'> & { readonly budgets: readonly string[] };

/** As the caller of preemption knows them. */
function known(tenants: ReadonlyMap<string, Tenant>) {
  return {
    occupantOf: (uid: string): Occupant | undefined => {
      const tenant = tenants.get(uid);
      return tenant === undefined ? undefined : { ...tenant, uid };
    },
    budgetsOf: ({ uid }: Occupant) => tenants.get(uid)?.budgets ?? [],
  };
}

const tenants = fc.array(
  fc.record({
    shape: fc.record(shapes),
    occupant: fc.record<Tenant>({
      priority: fc.integer({ min: -1, max: 3 }),
      startedMs: fc.integer({ min: 0, max: 3 }),
      budgets: fc.subarray(['b1', 'b2']),
      state: fc.constantFrom('removable', 'removable', 'removable', 'leaving', 'stays'),
    }),
  }),
  { maxLength: 25 },
);

const asked = fc
  .record({
    shape: fc.record(shapes),
    maxPerNode: fc.constantFrom(undefined, undefined, 1, 2),
    zone: fc.constantFrom(undefined, 'x'),
  })
  .map(({ shape, maxPerNode, zone }) =>
    made('new', shape, {
      maxPerNode,
      nodeSelector: zone === undefined ? [] : [['zone', zone]],
    }),
  );

const worlds = fc.record({
  records: nodes,
  tenants,
  asked,
  priority: fc.integer({ min: 0, max: 3 }),
  allowed: fc.record({
    b1: fc.integer({ min: 0, max: 2 }),
    b2: fc.integer({ min: 0, max: 2 }),
  }),
});

type World = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

/** Fills the nodes as the engine would, and asks about a request that fits nowhere. */
function play(world: World, check: (scene: Scene) => void): void {
  const engine = new Engine(new Snapshot());
  const { snapshot } = engine;
  for (const record of world.records) snapshot.upsertNode(record);
  const occupants = new Map<string, Tenant>();
  world.tenants.forEach(({ shape, occupant }, i) => {
    const [decision] = engine.scheduleBatch([made(`t${i}`, shape)]);
    if (decision?.type === 'placed') occupants.set(`t${i}`, occupant);
  });
  fc.pre(engine.place(world.asked) === undefined);
  const options = {
    priority: world.priority,
    ...known(occupants),
    allowed: new Map(Object.entries(world.allowed)),
  };
  check({ engine, snapshot, request: world.asked, options, occupants });
}

interface Scene {
  readonly engine: Engine;
  readonly snapshot: Snapshot;
  readonly request: PlacementRequest;
  readonly options: PreemptionOptions;
  readonly occupants: ReadonlyMap<string, Tenant>;
}

function fits({ snapshot, request: wanted }: Scene, on: string): boolean {
  return obstaclesOn(snapshot, wanted, on)?.length === 0;
}

/** Takes away what goes anyhow. */
function letLeave({ snapshot, occupants }: Scene): void {
  for (const [uid, { state }] of occupants) if (state === 'leaving') snapshot.release(uid);
}

const runs = { numRuns: 200 };

describe('preemption', () => {
  it('leaves the snapshot as it was', () => {
    fc.assert(
      fc.property(worlds, (world) =>
        play(world, ({ snapshot, request: wanted, options }) => {
          const before = seen(snapshot);
          preempt(snapshot, wanted, options);
          expect(seen(snapshot)).toEqual(before);
        }),
      ),
      runs,
    );
  });

  it('removes only who is less important and may go, and no one in vain', () => {
    fc.assert(
      fc.property(worlds, (world) =>
        play(world, (scene) => {
          const { snapshot, occupants, options } = scene;
          const answer = preempt(snapshot, scene.request, options);
          if (answer === undefined) return;
          for (const { uid } of answer.victims) {
            expect(occupants.get(uid)?.state).toBe('removable');
            expect(occupants.get(uid)?.priority).toBeLessThan(options.priority);
          }
          letLeave(scene);
          const held = answer.victims.map(({ uid }) => snapshot.placementOf(uid));
          for (const { uid } of answer.victims) snapshot.release(uid);
          expect(fits(scene, answer.node)).toBe(true);
          for (const placement of held) {
            if (placement === undefined) throw new Error('a victim that is not placed');
            const { footprint, allocation } = placement;
            snapshot.assume(footprint, answer.node, allocation);
            expect(fits(scene, answer.node)).toBe(false);
            snapshot.release(footprint.uid);
          }
        }),
      ),
      runs,
    );
  });

  it('gives up only where nobody who may go would make room', () => {
    fc.assert(
      fc.property(worlds, (world) =>
        play(world, (scene) => {
          const { snapshot, occupants, options } = scene;
          if (preempt(snapshot, scene.request, options) !== undefined) return;
          letLeave(scene);
          for (const [uid, { priority, state }] of occupants) {
            if (state === 'removable' && priority < options.priority) snapshot.release(uid);
          }
          expect(scene.engine.place(scene.request)).toBeUndefined();
        }),
      ),
      runs,
    );
  });

  it('fills no node over any dimension', () => {
    fc.assert(
      fc.property(worlds, (world) =>
        play(world, (scene) => {
          const { engine, snapshot } = scene;
          const answer = preempt(snapshot, scene.request, scene.options);
          if (answer === undefined) return;
          letLeave(scene);
          for (const { uid } of answer.victims) snapshot.release(uid);
          const [decision] = engine.scheduleBatch([scene.request]);
          expect(decision?.type).toBe('placed');
          for (const record of world.records) {
            const index = snapshot.indexOf(record.name) ?? -1;
            for (const column of snapshot.columns.all()) {
              expect(column.freeAt(index)).toBeGreaterThanOrEqual(0);
            }
            const sold = new Map<string, number>();
            for (const uid of snapshot.placedOn(record.name)) {
              const piece = snapshot.placementOf(uid)?.allocation['cpuBound'];
              for (const [core, pieces] of Object.entries(
                cpuBound.read(piece ?? {})?.cores ?? {},
              )) {
                sold.set(core, (sold.get(core) ?? 0) + pieces);
              }
            }
            for (const pieces of sold.values()) expect(pieces).toBeLessThanOrEqual(100);
            const gpus = snapshot.devicesAt('gpu', index);
            expect(gpus?.usage?.().used ?? 0).toBeLessThanOrEqual(record.gpus?.length ?? 0);
          }
        }),
      ),
      runs,
    );
  });

  it('chooses the best of all nodes, where amounts alone decide', () => {
    const plain = worlds.map((world) => ({
      ...world,
      asked: made('new', { ...plainShape, cpu: 1500, memory: 900 }),
    }));
    fc.assert(
      fc.property(plain, (world) =>
        play(world, ({ snapshot, request: wanted, options }) => {
          const all = names.flatMap((name) => victimsOn(snapshot, wanted, name, options) ?? []);
          const best = all.filter((each) => !isCordoned(world, each.node)).sort(compareVictims)[0];
          expect(preempt(snapshot, wanted, options)).toEqual(best);
        }),
      ),
      runs,
    );
  });

  const sorted = (found: readonly Victims[]) => found.toSorted(compareVictims);

  it('is the same where it was tried out before, and nodes have changed since', () => {
    fc.assert(
      fc.property(worlds, fc.integer({ min: 0, max: 5 }), (world, parts) =>
        play(world, ({ snapshot, request: wanted, options, occupants }) => {
          const estimated = sorted(estimates(snapshot, wanted, options));
          const tries: Tries = new Map();
          const trying = tryOut(snapshot, wanted, options, { estimated, tries });
          for (let i = 0; i <= parts && trying.next().done !== true; i += 1);
          const [gone = ''] = occupants.keys();
          if (parts % 2 === 0) snapshot.release(gone);
          const known = { estimated: sorted(estimates(snapshot, wanted, options)), tries };
          expect(preempt(snapshot, wanted, options, known)).toEqual(
            preempt(snapshot, wanted, options),
          );
        }),
      ),
      runs,
    );
  });
});

const plainShape: Shape = {
  cpu: 0,
  memory: 0,
  port: undefined,
  boundPieces: 0,
  fpga: 0,
  gpuMilli: 0,
  volume: 0,
  exclusive: false,
  owner: undefined,
};

function isCordoned({ records }: World, name: string): boolean {
  return records.find((record) => record.name === name)?.traits.unschedulable === true;
}

describe('the order of nodes', () => {
  const occupant = (priority: number, startedMs = 0, budgets: string[] = []): Tenant => ({
    priority,
    startedMs,
    budgets,
    state: 'removable',
  });

  /** One core a node; who is on it takes what is given. */
  function choose(tenantsOf: Record<string, readonly (readonly [cpu: number, Tenant])[]>) {
    const snapshot = new Snapshot();
    const occupants = new Map<string, Tenant>();
    for (const [name, list] of Object.entries(tenantsOf)) {
      snapshot.upsertNode(node(name, { cpu: 1000 }));
      list.forEach(([cpu, each], i) => {
        snapshot.assume(request(`${name}-${i}`, { cpu }), name, {});
        occupants.set(`${name}-${i}`, each);
      });
    }
    const options = { priority: 100, ...known(occupants), allowed: new Map([['b', 0]]) };
    const answer = preempt(snapshot, request('new', { cpu: 1000 }), options);
    return answer === undefined
      ? undefined
      : [answer.node, answer.victims.map(({ uid }) => uid).join()];
  }

  it.each<[string, Parameters<typeof choose>[0], [string, string] | undefined]>([
    [
      'fewest violated budgets, whatever the priorities',
      { a: [[1000, occupant(1, 0, ['b'])]], b: [[1000, occupant(50)]] },
      ['b', 'b-0'],
    ],
    [
      'then the lowest highest priority',
      {
        a: [[1000, occupant(5)]],
        b: [
          [500, occupant(4)],
          [500, occupant(4)],
        ],
      },
      ['b', 'b-0,b-1'],
    ],
    [
      'then the lowest sum of priorities',
      {
        a: [
          [500, occupant(5)],
          [500, occupant(3)],
        ],
        b: [
          [500, occupant(5)],
          [500, occupant(2)],
        ],
      },
      ['b', 'b-0,b-1'],
    ],
    [
      'of negative ones too, the fewest',
      {
        a: [
          [500, occupant(-5)],
          [500, occupant(-5)],
        ],
        b: [[1000, occupant(-5)]],
      },
      ['b', 'b-0'],
    ],
    [
      'then the latest started',
      { a: [[1000, occupant(5, 10)]], b: [[1000, occupant(5, 20)]] },
      ['b', 'b-0'],
    ],
    ['then the name', { b: [[1000, occupant(5)]], a: [[1000, occupant(5)]] }, ['a', 'a-0']],
    ['never an equal', { a: [[1000, occupant(100)]] }, undefined],
    [
      'nobody where those that leave anyhow are enough',
      { a: [[1000, occupant(1)]], b: [[1000, { ...occupant(200), state: 'leaving' }]] },
      ['b', ''],
    ],
  ])('%s', (_, given, answer) => {
    expect(choose(given)).toEqual(answer);
  });

  it('gives back the most important first, and of equals the one that runs for longest', () => {
    const list = [
      [400, occupant(1, 5)],
      [400, occupant(1, 9)],
      [200, occupant(7)],
    ] as const;
    const snapshot = new Snapshot();
    snapshot.upsertNode(node('a', { cpu: 1000 }));
    list.forEach(([cpu], i) => {
      snapshot.assume(request(`t${i}`, { cpu }), 'a', {});
    });
    const tenants = new Map(list.map(([, each], i) => [`t${i}`, each]));
    const options = { priority: 100, ...known(tenants), allowed: new Map() };
    const answer = preempt(snapshot, request('new', { cpu: 300 }), options);
    expect(answer?.victims.map(({ uid }) => uid)).toEqual(['t1']);
  });
});
