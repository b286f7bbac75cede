import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredImage } from '../../runtime/image-store.ts';
import { defaultPolicy, type ImageHistory, imagesToCollect } from './collection.ts';

const nowMs = 10_000_000;

const scene = fc
  .array(
    fc.record({
      sizeBytes: fc.integer({ min: 1, max: 100 }),
      used: fc.boolean(),
      ours: fc.boolean(),
      seenAgoMs: fc.integer({ min: 0, max: 400_000 }),
      unusedForMs: fc.integer({ min: 0, max: 400_000 }),
    }),
    { maxLength: 20 },
  )
  .map((list) => {
    const images = list.map(
      ({ sizeBytes, used }, i): StoredImage => ({
        id: `i${i}`,
        tags: [],
        digests: [],
        sizeBytes,
        users: used ? ['somebody'] : [],
      }),
    );
    const history = new Map<string, ImageHistory>(
      list.map(({ seenAgoMs, unusedForMs }, i) => [
        `i${i}`,
        { seenAtMs: nowMs - seenAgoMs, lastUsedAtMs: nowMs - unusedForMs },
      ]),
    );
    const ours = new Set(list.flatMap((each, i) => (each.ours ? [`i${i}`] : [])));
    return { images, history, isOurs: ({ id }: StoredImage) => ours.has(id) };
  });

const disk = fc
  .record({
    capacityBytes: fc.integer({ min: 1, max: 2_000 }),
    free: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ capacityBytes, free }) => ({
    capacityBytes,
    availableBytes: Math.floor(capacityBytes * free),
  }));

describe('images to collect', () => {
  test('are never in use, others’, or young', () => {
    fc.assert(
      fc.property(scene, disk, (each, full) => {
        const { images } = imagesToCollect({ ...each, disk: full, policy: defaultPolicy, nowMs });
        for (const image of images) {
          expect(image.users).toEqual([]);
          expect(each.isOurs(image)).toBe(true);
          const { seenAtMs } = each.history.get(image.id)!;
          expect(nowMs - seenAtMs).toBeGreaterThanOrEqual(defaultPolicy.minAgeMs);
        }
      }),
    );
  });

  test('are none below the threshold, and never more than needed', () => {
    fc.assert(
      fc.property(scene, disk, (each, full) => {
        const found = imagesToCollect({ ...each, disk: full, policy: defaultPolicy, nowMs });
        const used = full.capacityBytes - full.availableBytes;
        if (used * 100 < full.capacityBytes * 85) expect(found.images).toEqual([]);
        const sizes = found.images.map(({ sizeBytes }) => sizeBytes);
        const allButLast = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
        if (sizes.length > 0) expect(allButLast).toBeLessThan(found.freeBytes);
      }),
    );
  });

  test('go longest unused first, and leave no older candidate behind', () => {
    fc.assert(
      fc.property(scene, (each) => {
        const full = { capacityBytes: 1_000, availableBytes: 0 };
        const { images } = imagesToCollect({ ...each, disk: full, policy: defaultPolicy, nowMs });
        const lastUsed = images.map(({ id }) => each.history.get(id)!.lastUsedAtMs);
        expect(lastUsed).toEqual([...lastUsed].sort((a, b) => a - b));
        const chosen = new Set(images);
        const left = each.images.filter(
          (image) =>
            !chosen.has(image) &&
            image.users.length === 0 &&
            each.isOurs(image) &&
            nowMs - each.history.get(image.id)!.seenAtMs >= defaultPolicy.minAgeMs,
        );
        for (const { id } of left)
          expect(each.history.get(id)!.lastUsedAtMs).toBeGreaterThanOrEqual(lastUsed.at(-1) ?? 0);
      }),
    );
  });
});
