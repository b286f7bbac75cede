import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RevisionGrouper } from './etcd-history.ts';
import { EtcdKeys } from './etcd-keys.ts';
import type { WatchEvent } from './etcd-messages.ts';

const keys = new EtcdKeys('/berth');

function event(revision: number, key: string, type: 'put' | 'delete' = 'put'): WatchEvent {
  const kv = {
    key: Buffer.from(`/berth/${key}`),
    value: Buffer.from('x'),
    modRevision: BigInt(revision),
    createRevision: BigInt(revision),
  };
  return { isDelete: type === 'delete', kv };
}

function summary(sets: ReturnType<RevisionGrouper['add']>): string[] {
  return sets.map(({ revision, changes }) => `${revision}x${changes.length}`);
}

test('a revision split over fragments is given once it is whole', () => {
  const grouper = new RevisionGrouper(keys, 4n);
  expect(summary(grouper.add({ events: [event(5, 'b'), event(6, 'a')], fragment: true }))).toEqual([
    '5x1',
  ]);
  expect(grouper.add({ events: [event(6, 'b')], fragment: true })).toEqual([]);
  const events = [event(6, 'c', 'delete'), event(7, 'a')];
  expect(summary(grouper.add({ events, fragment: false }))).toEqual(['6x3', '7x1']);
});

test('what was delivered before the stream began is dropped', () => {
  const grouper = new RevisionGrouper(keys, 6n);
  const events = [event(5, 'a'), event(6, 'a'), event(6, 'b'), event(7, 'c')];
  const sets = grouper.add({ events, fragment: false });
  expect(summary(sets)).toEqual(['7x1']);
  expect(sets[0]?.changes[0]).toMatchObject({ type: 'put', entry: { key: 'c' } });
});

test('however responses are cut, the revisions are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat({ max: 5 })),
      (sizes, cuts) => {
        const events = sizes.flatMap((size, i) =>
          Array.from({ length: size }, (_, k) => event(i + 1, String(k))),
        );
        const grouper = new RevisionGrouper(keys, 0n);
        const heard: string[] = [];
        let rest = events;
        for (const cut of cuts) {
          heard.push(...summary(grouper.add({ events: rest.slice(0, cut), fragment: true })));
          rest = rest.slice(cut);
        }
        heard.push(...summary(grouper.add({ events: rest, fragment: false })));
        expect(heard).toEqual(sizes.map((size, i) => `${i + 1}x${size}`));
      },
    ),
  );
});
