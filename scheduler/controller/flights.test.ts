import { afterEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { leases, pods } from '../../api/resources.gen.ts';
import { conflict } from '../../api/status.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

function newGate() {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((ok, fail) => {
    resolve = ok;
    reject = fail;
  });
  return { promise, resolve, reject };
}

/** A world whose first request of bindings is held until `release`; `fail` makes it fail then. */
async function held() {
  const world = new World();
  await world.node('n1', '1000');
  await world.node('n2', '1000');
  const gate = newGate();
  let first = true;
  world.api.beforeBinding = async () => {
    if (!first) return;
    first = false;
    await gate.promise;
  };
  world.start();
  await world.clock.advance(10);
  return { world, release: gate.resolve, fail: gate.reject };
}

async function make(world: World, prefix: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await world.pod(`${prefix}${i}`, '1');
  await world.clock.advance(10);
}

describe('several requests of bindings', () => {
  it('are under way at once when many pods wait, and few pods wait for the one before', async () => {
    const { world, release } = await held();
    await make(world, 'first', 1);
    await make(world, 'few', 5);
    expect(world.api.requests.map(({ items }) => items.length)).toEqual([1]);
    await make(world, 'many', 100);
    const [, second] = world.api.requests.map(({ items }) => items.length);
    expect(second).toBeGreaterThanOrEqual(64);
    expect(await world.nodeOf('first0')).toBeUndefined();
    expect(await world.nodeOf('many0')).toBeDefined();
    release();
    await world.clock.advance(1_000);
    expect(Object.values(await world.bound())).not.toContain(undefined);
    const names = world.api.requests.flatMap(({ items }) => items.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it('a pod whose binding is refused meanwhile is decided again, and nobody gets its room twice', async () => {
    const world = new World();
    await world.node('n1', '70');
    const gate = newGate();
    let first = true;
    world.api.beforeBinding = async () => {
      if (!first) return;
      first = false;
      await gate.promise;
      // It is changed in a way that the binding's uid does not match any more: made anew.
      await world.api.delete(pods, { namespace: 'default', name: 'a' }, { signal, ...now });
      await world.pod('a', '1');
    };
    world.start();
    await world.pod('a', '1');
    await world.clock.advance(10);
    await make(world, 'many', 69);
    expect(world.api.requests).toHaveLength(2);
    gate.resolve();
    await world.clock.advance(60_000);
    const where = await world.bound();
    expect(Object.values(where).filter((node) => node === 'n1')).toHaveLength(70);
    const list = await world.api.list<Pod>(pods, { signal });
    expect(list.items).toHaveLength(70);
  });

  it('end with the term: what one is told holds for all', async () => {
    const { world, fail } = await held();
    await make(world, 'first', 1);
    await make(world, 'many', 80);
    expect(world.api.requests).toHaveLength(2);
    fail(conflict(leases, 'berth-scheduler', 'the term is over'));
    await world.clock.advance(20_000);
    const terms = world.api.requests.map(({ lease }) => lease.leaseTransitions);
    expect(terms).toEqual([0, 0, 1]);
    expect(await world.nodeOf('first0')).toBeDefined();
  });
});

const now = { gracePeriodSeconds: 0 } as const;
