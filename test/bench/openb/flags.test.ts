import { describe, expect, it } from 'vitest';
import { readExperiment, seedsOf } from './flags.ts';

describe('the flags of the trace', () => {
  it.each([
    ['42', [42]],
    ['42-44', [42, 43, 44]],
    ['42, 44-45', [42, 44, 45]],
  ])('seeds %s', (text, seeds) => {
    expect(seedsOf(text)).toEqual(seeds);
  });

  it.each(['', 'all', '42-', '51-42', '1-99999999'])('seeds "%s" are none', (text) => {
    expect(() => seedsOf(text)).toThrow(/write 42, 42-51 or 42,44-46/);
  });

  it.each(['FGD', 'fgd', '06-FGD', 'GpuPacking', '03-GpuClustering', 'pack'])(
    'policy %s is known, and then the files are missed',
    async (policy) => {
      await expect(readExperiment(['--policy', policy])).rejects.toThrow(/--nodes is missing/);
    },
  );

  it.each([
    [['--policy', 'Foo'], /--policy Foo: must be one of BestFit, /],
    [['--seeds', 'x'], /--seeds x/],
    [['--nodes', '/no/such'], /\/no\/such/],
    [['--other'], /--other/],
  ])('%j are refused with the name of what is wrong', async (args, message) => {
    await expect(readExperiment(args)).rejects.toThrow(message);
  });
});
