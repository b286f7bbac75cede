import { randomBytes, randomUUID } from 'node:crypto';

/** Randomness as an argument, so that tests can fix it. */
export interface Random {
  uuid(): string;
  /** `length` letters of Kubernetes' safe alphabet (no vowels, no look-alikes). */
  suffix(length: number): string;
  /** A fraction in [0, 1), for jitter. */
  fraction(): number;
}

const safeAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** The machine's own randomness. */
export const systemRandom: Random = {
  uuid: () => randomUUID(),
  suffix: (length) =>
    Array.from(randomBytes(length), (byte) => safeAlphabet[byte % safeAlphabet.length]).join(''),
  fraction: () => Math.random(),
};

/** The same sequence for the same seed; for tests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const hex = (length: number) =>
    Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join('');
  return {
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
    suffix: (length) =>
      Array.from({ length }, () => safeAlphabet[Math.floor(next() * safeAlphabet.length)]).join(''),
    fraction: next,
  };
}
