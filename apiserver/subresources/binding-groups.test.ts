import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StatusError } from '../../api/status.ts';
import { type Grouped, groupErrors, partsOf } from './binding-groups.ts';

const place = { group: '', plural: 'pods' };
const wanted = (name: string, group?: string): Grouped =>
  group === undefined ? { place, name } : { place, name, group };

test('parts keep the order, the limit, and groups that fit in one part', () => {
  const lists = fc
    .array(fc.tuple(fc.constantFrom(undefined, 'a', 'b', 'c'), fc.integer({ min: 1, max: 6 })))
    .map((groups) =>
      groups.flatMap(([group, size], i) =>
        // Each run is a group of its own, or single ones.
        Array.from({ length: size }, (_, k) => wanted(`${i}-${k}`, group && `${group}${i}`)),
      ),
    );
  fc.assert(
    fc.property(lists, (list) => {
      const parts = partsOf(list, 4);
      expect(parts.flat()).toEqual(list);
      const sizes = new Map<string, number>();
      for (const { group } of list)
        if (group !== undefined) sizes.set(group, (sizes.get(group) ?? 0) + 1);
      for (const part of parts) {
        expect(part.length).toBeGreaterThan(0);
        expect(part.length).toBeLessThanOrEqual(4);
        for (const { group } of part) {
          if (group === undefined || (sizes.get(group) ?? 0) > 4) continue;
          expect(part.filter((each) => each.group === group)).toHaveLength(sizes.get(group) ?? 0);
        }
      }
    }),
  );
});

test('one that fails stops its group, and nobody else', () => {
  const gone = new StatusError(404, 'NotFound', 'pods "b" not found');
  const list = [wanted('a', 'g'), wanted('b', 'g'), wanted('c', 'h'), wanted('d')];
  const errors = groupErrors(list, [undefined, gone, undefined, undefined]);
  expect(errors.map((error) => error?.message)).toEqual([
    'Operation cannot be fulfilled on pods/binding "a": bound only together with b, which could not be bound',
    'pods "b" not found',
    undefined,
    undefined,
  ]);
});
