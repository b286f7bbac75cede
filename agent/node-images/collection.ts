/** Which images go when their disk is full. Pure. Source: kubelet, `image_gc_manager.go`. */
import type { StoredImage } from '../../runtime/image-store.ts';

export interface CollectionPolicy {
  /** Nothing is collected while less of the disk is used. @default 85 */
  readonly highPercent: number;
  /** Then so much is collected that no more than this is used. @default 80 */
  readonly lowPercent: number;
  /** Younger ones stay: somebody may be about to use them. @default 2 minutes */
  readonly minAgeMs: number;
}

export const defaultPolicy: CollectionPolicy = {
  highPercent: 85,
  lowPercent: 80,
  minAgeMs: 120_000,
};

/** What is remembered of an image. */
export interface ImageHistory {
  readonly seenAtMs: number;
  readonly lastUsedAtMs: number;
}

export interface CollectionInput {
  readonly images: readonly StoredImage[];
  /** By id. */
  readonly history: ReadonlyMap<string, ImageHistory>;
  /** Whether it may go at all: pulled by this node, and kept by nobody's wish. */
  readonly isOurs: (image: StoredImage) => boolean;
  readonly disk: { readonly capacityBytes: number; readonly availableBytes: number };
  readonly policy: CollectionPolicy;
  readonly nowMs: number;
}

/** Longest unused first; empty below the threshold. `freeBytes` is what should become free. */
export function imagesToCollect(input: CollectionInput): {
  readonly freeBytes: number;
  readonly images: readonly StoredImage[];
} {
  const { disk, policy, images, history, isOurs, nowMs } = input;
  const usedBytes = disk.capacityBytes - disk.availableBytes;
  const isOver = usedBytes * 100 >= disk.capacityBytes * policy.highPercent;
  if (disk.capacityBytes <= 0 || !isOver) return { freeBytes: 0, images: [] };
  const freeBytes = Math.ceil(usedBytes - (disk.capacityBytes * policy.lowPercent) / 100);
  const known = (image: StoredImage) =>
    history.get(image.id) ?? { seenAtMs: nowMs, lastUsedAtMs: nowMs };
  const idle = images
    .filter((image) => image.users.length === 0 && isOurs(image))
    .filter((image) => nowMs - known(image).seenAtMs >= policy.minAgeMs)
    .sort(
      (a, b) =>
        known(a).lastUsedAtMs - known(b).lastUsedAtMs || known(a).seenAtMs - known(b).seenAtMs,
    );
  const chosen: StoredImage[] = [];
  let freedBytes = 0;
  for (const image of idle) {
    if (freedBytes >= freeBytes) break;
    chosen.push(image);
    freedBytes += image.sizeBytes;
  }
  return { freeBytes, images: chosen };
}
