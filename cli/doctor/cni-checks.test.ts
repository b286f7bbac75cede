import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cniChecks } from './cni-checks.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const check = (network: 'bridge' | 'cni' = 'bridge') =>
  cniChecks({ network, cniConfDir: directory, cniBinDirs: [directory] });

test('without a network something is left out, and broken where the node needs one', async () => {
  expect(await check()).toMatchObject([{ state: 'optional', name: 'CNI' }]);
  expect(await check('cni')).toMatchObject([
    { state: 'broken', remedy: expect.stringContaining('containernetworking-plugins') },
  ]);
});

test('what is wrong with a network is said of it: its file, or a plugin that is not there', async () => {
  const lan = { cniVersion: '1.0.0', name: 'lan', type: 'bridge', ipam: { type: 'host-local' } };
  await writeFile(join(directory, '10-lan.conf'), JSON.stringify(lan));
  await writeFile(join(directory, '20-bad.conflist'), '{');
  await writeFile(join(directory, 'bridge'), '', { mode: 0o755 });
  expect(await check()).toMatchObject([
    { state: 'broken', found: `network "lan" (10-lan.conf) lacks host-local in ${directory}` },
    { state: 'broken', found: expect.stringMatching(/20-bad.conflist: is no JSON/) },
  ]);
  await writeFile(join(directory, 'host-local'), '', { mode: 0o755 });
  expect((await check())[0]).toEqual({
    state: 'ok',
    name: 'CNI',
    found: 'network "lan" (10-lan.conf): bridge, host-local',
  });
});
