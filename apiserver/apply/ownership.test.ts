import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { difference, emptySet, equalSets, isEmpty, union } from './field-set.ts';
import { apply, type Owned, type Versioned } from './ownership.ts';
import { shapeOf } from './shape.ts';
import { compare, toFieldSet } from './typed.ts';
import { equal } from './values.ts';

const shape = shapeOf({
  type: 'object',
  properties: {
    size: { type: 'integer' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    steps: { type: 'array', items: { type: 'string' } },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port'],
      items: {
        type: 'object',
        properties: { port: { type: 'integer' }, name: { type: 'string' } },
      },
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
});

const word = fc.constantFrom('a', 'b', 'c');
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 3 });
const fields = {
  size: fc.nat(2),
  labels: fc.dictionary(word, word, { minKeys: 1, maxKeys: 3 }),
  steps: words,
  tags: words,
  ports: fc.uniqueArray(fc.record({ port: fc.nat(3), name: word }, { requiredKeys: ['port'] }), {
    selector: (p) => p.port,
    minLength: 1,
    maxLength: 3,
  }),
  free: fc.dictionary(word, fc.oneof(word, fc.dictionary(word, fc.nat(2), { minKeys: 1 })), {
    minKeys: 1,
    maxKeys: 3,
  }),
};
const config = fc.record(fields, { requiredKeys: [] }).map((value): JsonObject => value);
const ops = fc.array(fc.record({ manager: fc.constantFrom('x', 'y', 'z'), config }), {
  maxLength: 6,
});

const at = (value: JsonObject): Versioned => ({ apiVersion: 'v1', shape, value });
const convert = (object: Versioned): Versioned => object;

interface State {
  readonly live: Versioned;
  readonly owners: ReadonlyMap<string, Owned>;
}

function step({ live, owners }: State, manager: string, value: JsonObject): State {
  const result = apply({
    live,
    owners,
    manager,
    config: at(value),
    force: true,
    convert,
    ignored: emptySet,
  });
  return { live: result.next ?? live, owners: result.owners };
}

const start: State = { live: at({}), owners: new Map() };

const run = (all: readonly { manager: string; config: JsonObject }[]) =>
  all.reduce((state, op) => step(state, op.manager, op.config), start);

describe('apply', () => {
  it('is idempotent', () => {
    fc.assert(
      fc.property(ops, config, (before, value) => {
        const once = step(run(before), 'x', value);
        const twice = step(once, 'x', value);
        expect(twice.live.value).toEqual(once.live.value);
        expect(twice.owners).toEqual(once.owners);
      }),
    );
  });

  it('gives a manager exactly the fields it sends', () => {
    fc.assert(
      fc.property(ops, config, (before, value) => {
        const { owners } = step(run(before), 'x', value);
        expect(equalSets(owners.get('x')?.set ?? emptySet, toFieldSet(shape, value))).toBe(true);
      }),
    );
  });

  it('leaves in the object what it sends, and nothing that nobody owns', () => {
    fc.assert(
      fc.property(ops, config, (before, value) => {
        const { live, owners } = step(run(before), 'x', value);
        const held = toFieldSet(shape, live.value ?? {});
        const owned = [...owners.values()].reduce((all, { set }) => union(all, set), emptySet);
        expect(isEmpty(difference(held, owned))).toBe(true);
        expect(isEmpty(difference(toFieldSet(shape, value), held))).toBe(true);
      }),
    );
  });

  it('restores the rest when a manager that took nothing over sends nothing', () => {
    fc.assert(
      fc.property(ops, config, (before, value) => {
        const state = run(before.map((op) => ({ ...op, manager: 'y' })));
        const added = step(state, 'x', value);
        const { modified } = compare(shape, state.live.value ?? {}, added.live.value ?? {});
        fc.pre(isEmpty(modified));
        const after = step(added, 'x', {});
        const blank = (v: unknown) => v ?? {};
        expect(sorted(blank(after.live.value))).toEqual(sorted(blank(state.live.value)));
      }),
    );
  });

  it('does not change what went in', () => {
    fc.assert(
      fc.property(ops, config, (before, value) => {
        const state = run(before);
        const copy = structuredClone(state.live.value);
        step(state, 'x', value);
        expect(equal(state.live.value, copy)).toBe(true);
      }),
    );
  });
});

/** Lists without order: an item that came and went may have moved its neighbours. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((v) => JSON.stringify(sorted(v))).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
