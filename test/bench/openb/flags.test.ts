import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readExperiment, seedsOf } from './flags.ts';
import { readOrders } from './trace.ts';

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

  it.each([
    ['plain', 'orders.gz', (text: string) => text],
    ['packed', 'orders', (text: string) => gzipSync(text)],
  ])('orders are told by their content: %s', async (_, name, written) => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-openb-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, name);
    writeFileSync(path, written('{"42":{"pods":[0],"nodes":[7]}}'));
    expect(await readOrders(path)).toEqual(new Map([[42, { pods: [0], nodes: [7] }]]));
    await expect(readOrders(directory)).rejects.toThrow(directory);
  });
});
