/** What holds for every decision, whatever happened before, in all dimensions at once. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import type { VolumeNeed } from '../../scheduler/dimensions/storage/need.ts';
import { Engine } from '../../scheduler/engine/engine.ts';
import { obstaclesOn } from '../../scheduler/engine/explain.ts';
import type { Shortage } from '../../scheduler/engine/reasons.ts';
import {
  type NodeRecord,
  type PlacementRequest,
  withClassKey,
} from '../../scheduler/engine/request.ts';
import { Snapshot } from '../../scheduler/engine/snapshot.ts';
import { request, seen } from '../../scheduler/engine/testing.ts';
import { anyNode, anyRequest, PlacementWorld } from './placement-events.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';

/** What can be seen of a snapshot, GPUs and disks too. */
function all(snapshot: Snapshot) {
  const rates = { readIops: 0, writeIops: 0, readBps: 0, writeBps: 0 };
  const probes = ['ssd', 'hdd'].flatMap((kind) =>
    [1, 10, 30, 60, 100].map((size) => ({
      name: 'probe',
      class: kind,
      size,
      exclusive: false,
      ...rates,
    })),
  );
  const disks = snapshot.order.indices().map((index) => {
    const devices = snapshot.devicesAt('disks', index);
    const many = [1, 50, 150, 300].map((writeIops) => ({ ...probes[0], writeIops }));
    return [...probes, ...many].map((probe) => devices?.fits([probe as never]));
  });
  const gpus = snapshot.order.indices().map((index) => {
    const devices = snapshot.devicesAt('gpu', index);
    return devices?.usage?.().used;
  });
  return { gpus, disks, seen: seen(snapshot) };
}

describe('placement', () => {
  const events = soak ? 10_000 : 1_500;
  const every = soak ? 500 : 150;

  test.each(seedsOf('placement'))(
    `after ${events} events it is as if built anew, and no node is over (seed %i)`,
    { timeout: 300_000 },
    (seed) =>
      withSeed('placement', seed, async () => {
        const dice = new Dice(seed);
        const world = new PlacementWorld();
        let placed = 0;
        for (let i = 1; i <= events; i += 1) {
          world.step(dice);
          placed += world.held.size;
          if (i % every > 0) continue;
          expect([...world.overdrafts()]).toEqual([]);
          const fresh = world.rebuilt(dice);
          expect(all(world.engine.snapshot)).toEqual(all(fresh));
          // Indices that were kept through all of it answer as new ones do.
          const other = new Engine(fresh);
          for (let k = 0; k < 20; k += 1) {
            const asked = anyRequest(dice, 'asked');
            expect(world.engine.schedule(asked)).toEqual(other.schedule(asked));
          }
        }
        expect(placed / events).toBeGreaterThan(5); // Else nothing of this was looked at.
        for (const uid of [...world.held.keys()]) world.release(uid);
        expect(all(world.engine.snapshot)).toEqual(all(world.rebuilt(dice)));
      }),
  );
});

/** One node with neighbours, and a request that it refuses. */
interface Situation {
  readonly record: NodeRecord;
  readonly snapshot: Snapshot;
  readonly asked: PlacementRequest;
  readonly shortages: readonly Shortage[];
}

function situationOf(dice: Dice): Situation | undefined {
  const record = anyNode(dice, 'n');
  const engine = new Engine(new Snapshot());
  engine.snapshot.upsertNode({ ...record, traits: { ...record.traits, unschedulable: false } });
  for (let i = dice.below(8); i > 0; i -= 1) engine.scheduleBatch([anyRequest(dice, `u${i}`)]);
  const { snapshot } = engine;
  const asked = anyRequest(dice, 'asked');
  const found = obstaclesOn(snapshot, asked, 'n') ?? [];
  const shortages = found.filter((each) => each.type === 'shortage');
  return shortages.length === 0 ? undefined : { record, snapshot, asked, shortages };
}

/** With so much less asked of what is short. */
function lowered(asked: PlacementRequest, shortage: Shortage, by: number) {
  const { dimension, resource } = shortage;
  const { classKey: _, ...rest } = asked;
  if (dimension === 'disks')
    return withClassKey({ ...rest, parts: lessVolume(rest.parts, shortage, by) });
  if (dimension !== 'gpu') {
    const amounts = asked.amounts.map((each) =>
      each.resource === resource ? { ...each, amount: each.amount - by } : each,
    );
    return withClassKey({ ...rest, amounts });
  }
  const parts = asked.parts.map((part) => {
    if (part.dimension !== 'gpu') return part;
    const { devices, milli, models } = part.need as { devices: number; milli: number; models: [] };
    const less =
      milli === 1000
        ? { devices: devices - Math.ceil(by / 1000), milli }
        : { devices, milli: milli - by };
    return { ...part, need: { ...less, models } as JsonObject };
  });
  return withClassKey({ ...rest, parts });
}

/** The Volume that the shortage is about, with so much less. */
function lessVolume(
  parts: PlacementRequest['parts'],
  { resource, asked, reason }: Shortage,
  by: number,
) {
  const field = resource === 'storage' ? 'size' : 'writeIops';
  return parts.map((part) => {
    if (part.dimension !== 'disks') return part;
    const needs = part.need as unknown as readonly VolumeNeed[]; // As they were made.
    const at = needs.findIndex((need) => {
      const isOwn = reason.includes('unused') === need.exclusive || field !== 'size';
      return need[field] === asked && reason.endsWith(need.class) && isOwn;
    });
    const less = needs.map((need, i) => (i === at ? { ...need, [field]: need[field] - by } : need));
    return { ...part, need: less };
  });
}

function isShort(situation: Situation, asked: PlacementRequest, { resource, dimension }: Shortage) {
  const found = obstaclesOn(situation.snapshot, asked, 'n') ?? [];
  return found.some(
    (each) =>
      each.type === 'shortage' &&
      each.dimension === dimension &&
      // Less of one thing for one Volume has to be enough for all of them.
      (each.resource === resource || dimension === 'disks'),
  );
}

describe('the smallest change of a shortage', () => {
  const runs = soak ? 10_000 : 300;

  test.each(seedsOf('smallest change'))(
    'lowering by it makes the request fit there, and lowering by less does not (seed %i)',
    { timeout: 300_000 },
    (seed) =>
      withSeed('smallest change', seed, async () => {
        const dice = new Dice(seed);
        const looked = new Map<string, number>();
        for (let i = 0; i < runs; i += 1) {
          const situation = situationOf(dice);
          for (const shortage of situation?.shortages ?? []) {
            const { dimension, missing, asked: amount, remedy } = shortage;
            // Those with words of their own do not offer this; nothing would be left of what is free nowhere.
            if (situation === undefined || remedy !== undefined || missing >= amount) continue;
            looked.set(dimension, (looked.get(dimension) ?? 0) + 1);
            const { asked } = situation;
            const unit = dimension === 'gpu' && amount >= 1000 ? 1000 : 1;
            expect(isShort(situation, lowered(asked, shortage, missing), shortage)).toBe(false);
            const less = lowered(asked, shortage, missing - unit);
            expect(isShort(situation, less, shortage)).toBe(true);
          }
        }
        expect([...looked.keys()].sort()).toEqual(['cpu', 'disks', 'gpu', 'memory']);
      }),
  );

  test.each(seedsOf('smallest change'))(
    'so much more of the resource makes it fit, and one unit less does not (seed %i)',
    { timeout: 300_000 },
    (seed) =>
      withSeed('smallest change', seed, async () => {
        const dice = new Dice(seed);
        let looked = 0;
        for (let i = 0; i < runs; i += 1) {
          const situation = situationOf(dice);
          if (situation === undefined) continue;
          for (const shortage of situation.shortages) {
            const { resource, missing, dimension } = shortage;
            if (!situation.asked.amounts.some((each) => each.resource === resource)) continue;
            if (dimension === 'cpuBound') continue;
            looked += 1;
            for (const [more, short] of [
              [missing, false],
              [missing - 1, true],
            ] as const) {
              situation.snapshot.upsertNode(grown(situation.record, resource, more));
              expect(isShort(situation, situation.asked, shortage)).toBe(short);
            }
          }
        }
        expect(looked).toBeGreaterThan(runs / 10);
      }),
  );

  test('of devices: freed on the device that comes nearest', () => {
    const snapshot = new Snapshot();
    snapshot.upsertNode({
      ...anyNode(new Dice(1), 'n'),
      gpus: ['T4', 'T4'],
      capacity: [{ resource: 'pods', amount: 9 }],
    });
    const neighbour = (uid: string, device: number, milli: number) =>
      snapshot.assume({ ...gpuRequest(uid, milli) }, 'n', { gpu: { devices: [device], milli } });
    neighbour('a', 0, 700);
    neighbour('b', 1, 900);
    const asked = gpuRequest('asked', 500);
    const [shortage] = obstaclesOn(snapshot, asked, 'n') ?? [];
    expect(shortage).toMatchObject({ type: 'shortage', dimension: 'gpu', free: 300, missing: 200 });
    neighbour('a', 0, 501);
    expect(obstaclesOn(snapshot, asked, 'n')).toHaveLength(1);
    neighbour('a', 0, 500);
    expect(obstaclesOn(snapshot, asked, 'n')).toEqual([]);
  });
});

function gpuRequest(uid: string, milli: number): PlacementRequest {
  const { classKey: _, ...plain } = request(uid, {});
  const need = { devices: 1, milli, models: [] };
  return withClassKey({ ...plain, parts: [{ dimension: 'gpu', need }] });
}

function grown(record: NodeRecord, resource: string, by: number): NodeRecord {
  const before = record.capacity.find((each) => each.resource === resource)?.amount ?? 0;
  const others = record.capacity.filter((each) => each.resource !== resource);
  const traits = { ...record.traits, unschedulable: false };
  return { ...record, traits, capacity: [...others, { resource, amount: before + by }] };
}
