import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DiskRecord, NodeRecord } from '../../engine/request.ts';
import { disks as dimension } from './disks.ts';
import { piecesOf, type VolumeNeed, type VolumePieces } from './need.ts';

const any = Number.POSITIVE_INFINITY;
const free = { readIops: any, writeIops: any, readBps: any, writeBps: any };
const none = { readIops: 0, writeIops: 0, readBps: 0, writeBps: 0 };

function disk(name: string, size: number, more: Partial<DiskRecord> = {}): DiskRecord {
  return { name, class: 'local', size, ...free, retained: [], ...more };
}

function node(...disks: DiskRecord[]) {
  const traits = { ready: 'True', unschedulable: false, taints: [], runtimes: [] } as const;
  const record: NodeRecord = { name: 'n1', labels: {}, traits, capacity: [], disks };
  return dimension.create(record);
}

function need(name: string, size: number, more: Partial<VolumeNeed> = {}): VolumeNeed {
  return { name, class: 'local', size, exclusive: false, ...none, ...more };
}

const places = (pieces: VolumePieces) => pieces.map((piece) => piece.disk);

describe('Volumes on the disks of a node', () => {
  it('that share go to the fullest disk with room, an exclusive one to one that is unused', () => {
    const some = node(disk('a', 100), disk('b', 50), disk('c', 200));
    const first = some.allocate([need('v', 40)]);
    expect(places(first)).toEqual(['b']);
    some.take(first);
    expect(places(some.allocate([need('w', 10)]))).toEqual(['b']);
    expect(places(some.allocate([need('w', 11)]))).toEqual(['a']);
    const own = some.allocate([need('own', 10, { exclusive: true })]);
    expect(places(own)).toEqual(['c']);
    some.take(own);
    expect(some.fits([need('x', 150)])).toBe(false);
    expect(some.explain([need('x', 150)])).toMatchObject({ asked: 150, free: 100 });
    some.release(own);
    expect(some.fits([need('x', 150)])).toBe(true);
  });

  it('of one instance are placed together, each exclusive one on a disk of its own', () => {
    const own = (name: string) => need(name, 10, { exclusive: true });
    const some = node(disk('a', 100), disk('b', 100), disk('c', 100));
    const pieces = some.allocate([own('x'), need('v', 60), own('y')]);
    expect(pieces.map(({ name }) => name)).toEqual(['x', 'v', 'y']);
    expect(new Set(places(pieces)).size).toBe(3);
    expect(some.fits([own('x'), need('v', 60), need('w', 60), own('y')])).toBe(false);
    const shortage = some.explain([own('x'), need('v', 60), need('w', 60), own('y')]);
    expect(shortage?.missing).toBeGreaterThan(0);
  });

  it('leave an unused disk to the one that wants it alone, where the first choice would take it', () => {
    const some = node(disk('a', 30), disk('b', 60));
    const own = need('own', 20, { exclusive: true });
    const pieces = some.allocate([need('v', 20), own, need('w', 30)]);
    expect(places(pieces)).toEqual(['b', 'a', 'b']);
  });

  it('say what would be enough for all of them together, or that several things are in the way', () => {
    const some = node(disk('a', 100), disk('b', 50));
    // Each would fit alone; 60 and 40 go to the first, and then 60 is 10 too many for the second.
    expect(some.explain([need('v', 60), need('w', 40), need('x', 60)])).toMatchObject({
      reason: 'Insufficient disk of class local',
      asked: 60,
      free: 50,
      missing: 10,
    });
    expect(some.explain([need('v', 200), need('w', 200)])).toMatchObject({
      asked: 400,
      free: 100,
      remedy: expect.stringMatching(/make room on several disks of class local/),
    });
    expect(some.explain([need('v', 1, { class: 'tape' })])?.remedy).toBe(
      'have a disk of class tape',
    );
  });

  it('go to disks of their class only', () => {
    const some = node(disk('a', 100), disk('b', 100, { class: 'ssd' }));
    expect(places(some.allocate([need('v', 1, { class: 'ssd' }), need('w', 1)]))).toEqual([
      'b',
      'a',
    ]);
    const shortage = some.explain([need('v', 1, { class: 'tape' })]);
    expect(shortage).toMatchObject({ reason: 'no disk of class tape', asked: 1, free: 0 });
  });

  it('tell what is missing of a size beyond all measure', () => {
    const some = node(disk('a', 100));
    const asked = Number.MAX_SAFE_INTEGER;
    expect(some.explain([need('v', asked)])).toMatchObject({ asked, free: 100, capacity: 100 });
  });

  it('count the throughput that a disk declares, and no other', () => {
    const some = node(disk('a', 100, { writeIops: 500 }), disk('b', 100, { writeIops: 100 }));
    const asks = (writeIops: number) => need('v', 1, { writeIops, readIops: 1_000_000 });
    const first = some.allocate([asks(450)]);
    expect(places(first)).toEqual(['a']);
    some.take(first);
    expect(some.explain([asks(101)])).toMatchObject({
      reason: 'Insufficient writeIOPS on disks of class local',
      text: { asked: '101', free: '100' },
    });
    const bytes = need('v', 1, { readBps: 2048 });
    expect(node(disk('a', 9, { readBps: 1024 })).explain([bytes])?.text).toEqual({
      asked: '2Ki',
      free: '1Ki',
      missing: '1Ki',
    });
  });

  it('name a rate that lacks where there is room, not one that lacks elsewhere', () => {
    const some = node(disk('a', 1, { writeIops: 100 }), disk('b', 100, { writeIops: 10 }));
    expect(some.explain([need('v', 50, { writeIops: 20 })])).toMatchObject({
      resource: 'writeIops',
      asked: 20,
      free: 10,
    });
  });

  it('take up what was kept of a deleted one, where that is, without room for both', () => {
    const retained = [{ uid: 'old', size: 80 }];
    const some = node(disk('a', 100), disk('b', 100, { retained }));
    expect(some.fits([need('v', 60), need('w', 60)])).toBe(false);
    const again = (size: number) => need('v', size, { retained: 'old' });
    const pieces = some.allocate([again(80)]);
    expect(places(pieces)).toEqual(['b']);
    expect(some.fits([again(101)])).toBe(false);
    some.take(pieces);
    expect(some.fits([need('w', 21)])).toBe(true); // On the other disk.
    expect(some.explain([need('w', 101)])?.free).toBe(100);
    some.release(pieces);
    expect(some.explain([need('v', 1, { retained: 'gone' })])?.reason).toBe(
      'no data of deleted Volume gone',
    );
  });

  it('that are bound count, whatever became of their disk', () => {
    const some = node(disk('a', 100));
    const [piece] = some.allocate([need('v', 10)]);
    if (piece === undefined) throw new Error('no piece');
    some.take([{ ...piece, disk: 'gone' }]);
    expect(some.explain([need('w', 101)])?.free).toBe(100);
    some.take([{ ...piece, size: 150 }]);
    expect(some.explain([need('w', 1)])).toMatchObject({ asked: 1, free: 0 });
  });

  it('are stored as pieces, and read as nothing else', () => {
    const pieces = node(disk('a', 100)).allocate([need('v', 10)]);
    expect(piecesOf(JSON.parse(JSON.stringify(pieces)))).toEqual(pieces);
    for (const wrong of ['x', {}, [1], [{ disk: 'a' }], [{ ...pieces[0], size: '1' }]])
      expect(piecesOf(JSON.parse(JSON.stringify(wrong)))).toBeUndefined();
  });
});

const needs = fc.array(
  fc
    .record({
      size: fc.integer({ min: 1, max: 60 }),
      exclusive: fc.boolean(),
      writeIops: fc.constantFrom(0, 40),
      class: fc.constantFrom('local', 'ssd'),
    })
    .map((more) => need('v', more.size, more)),
  { minLength: 1, maxLength: 3 },
);

it('never takes more than there is, keeps disks alone, and giving back leaves nothing', () => {
  const disks = [
    disk('a', 100, { writeIops: 100 }),
    disk('b', 60),
    disk('c', 80, { class: 'ssd', retained: [{ uid: 'old', size: 30 }] }),
    disk('d', 50, { class: 'ssd' }),
  ];
  fc.assert(
    fc.property(fc.array(needs, { maxLength: 8 }), (list) => {
      const some = node(...disks);
      const taken: VolumePieces[] = [];
      for (const asked of list) {
        const fits = some.fits(asked);
        expect(some.explain(asked) === undefined).toBe(fits);
        expect(some.explain(asked)?.missing ?? 1).toBeGreaterThan(0);
        if (!fits) continue;
        const pieces = some.allocate(asked);
        expect(pieces.map(({ size }) => size)).toEqual(asked.map(({ size }) => size));
        some.take(pieces);
        taken.push(pieces);
        for (const { name, size, writeIops, retained } of disks) {
          const here = taken.flat().filter((piece) => piece.disk === name);
          const left = retained.reduce((sum, each) => sum + each.size, 0);
          expect(here.reduce((sum, piece) => sum + piece.size, left)).toBeLessThanOrEqual(size);
          const iops = here.reduce((sum, piece) => sum + piece.writeIops, 0);
          expect(iops).toBeLessThanOrEqual(writeIops);
          if (here.some((piece) => piece.exclusive)) expect([here.length, left]).toEqual([1, 0]);
        }
      }
      for (const pieces of taken) some.release(pieces);
      for (const asked of list) {
        expect(some.fits(asked)).toBe(node(...disks).fits(asked));
      }
    }),
    { numRuns: 300 },
  );
});
