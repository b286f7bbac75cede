import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writePair } from '../../agent/node/node-certificates.ts';
import { openPki } from '../../apiserver/index.ts';
import { FakeClock, systemClock } from '../../lib/clock.ts';
import { nodePairs } from './node-pairs.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-pairs-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A certificate of a plane, made so many days from 2026-01-01. */
async function given(plane: string, name: string, node: string, days: number) {
  const clock = new FakeClock();
  await clock.advance(days * 86_400_000);
  const { ca } = await openPki(join(dir, plane), systemClock);
  const pki = await openPki(join(dir, plane), clock);
  const pair = await pki.leaf(name, {
    ...{ commonName: `system:node:${node}`, organizations: ['system:nodes'], hosts: [node] },
  });
  return { ...pair, ca };
}

test('what was renewed is used, until the kubeconfig is newer or of another node or plane', async () => {
  const agentPki = join(dir, 'agent');
  const first = await given('a', 'first', 'n1', 0);
  const pairOf = ({ cert, key }: { cert: string; key: string }) => ({ cert: cert.trim(), key });
  const used = async (each: typeof first) => pairOf((await nodePairs(agentPki, each)).client);
  expect(await used(first)).toEqual(pairOf(first));
  const renewed = await given('a', 'renewed', 'n1', 20);
  await writePair(agentPki, 'client', renewed);
  await writePair(agentPki, 'serving', renewed);
  expect(await used(first)).toEqual(pairOf(renewed));
  const later = await given('a', 'later', 'n1', 40);
  const other = await given('a', 'other', 'n2', 0);
  const elsewhere = await given('b', 'elsewhere', 'n2', 0);
  for (const each of [later, other, elsewhere]) expect(await used(each)).toEqual(pairOf(each));
});
