import { expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject, Resource } from '../../api/meta.ts';
import type { Client, WriteOptions } from '../../client/client.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { PodMemory } from '../pod/pod-memory.ts';
import { tokenSource, tokensDueAtMs } from './account-tokens.ts';

const pod = {
  metadata: { namespace: 'shop', name: 'web', uid: 'p1' },
  spec: { serviceAccountName: 'robot', containers: [] },
} as unknown as Pod; // Nothing else of it is looked at.
const hour = { path: 'token', expirationSeconds: 3_600 };

function world() {
  const clock = new FakeClock();
  const memory = new PodMemory();
  const asked: { object: KubeObject & { spec?: JsonObject }; options: WriteOptions }[] = [];
  const state = { outage: false };
  const create = async (_resource: Resource, object: KubeObject, options: WriteOptions) => {
    if (state.outage) throw new Error('no server');
    asked.push({ object, options });
    const seconds = Number((object as { spec?: JsonObject }).spec?.['expirationSeconds']);
    const expirationTimestamp = new Date(clock.now() + seconds * 1_000).toISOString();
    return { ...object, status: { token: `token ${asked.length}`, expirationTimestamp } };
  };
  const client = { create } as unknown as Client; // No other call is made.
  const { signal } = new AbortController();
  const random = seededRandom(1);
  const source = tokenSource({ pod, memory, client, clock, random, log: silentLog, signal });
  return { clock, memory, asked, state, source };
}

test('it is asked for as bound to the pod, once, and again after four fifths of its life', async () => {
  const { clock, memory, asked, source } = world();
  expect(tokensDueAtMs(memory)).toBe(Number.POSITIVE_INFINITY);
  expect([await source(hour), await source(hour)]).toEqual(['token 1', 'token 1']);
  expect(asked).toMatchObject([
    {
      object: {
        metadata: { namespace: 'shop', name: 'robot' },
        spec: {
          audiences: [],
          expirationSeconds: 3_600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'p1' },
        },
      },
      options: { subresource: 'token' },
    },
  ]);
  const inMs = tokensDueAtMs(memory) - clock.now();
  expect(inMs).toBeLessThanOrEqual(2_880_000);
  expect(inMs).toBeGreaterThan(2_870_000 - 1);
  await clock.advance(inMs - 1);
  expect(await source(hour)).toBe('token 1');
  await clock.advance(1);
  expect(await source(hour)).toBe('token 2');
});

test('one that lives long is renewed after a day', async () => {
  const { clock, memory, source } = world();
  await source({ path: 'token', expirationSeconds: 10 * 86_400 });
  expect(tokensDueAtMs(memory) - clock.now()).toBeLessThanOrEqual(86_400_000);
});

test('each audience has its own', async () => {
  const { asked, source } = world();
  expect(await source(hour)).toBe('token 1');
  expect(await source({ ...hour, audience: 'vault' })).toBe('token 2');
  expect(asked[1]?.object.spec?.['audiences']).toEqual(['vault']);
});

test('while nobody answers the old one is used, and tried again, until it ends', async () => {
  const { clock, memory, state, source } = world();
  await source(hour);
  state.outage = true;
  await clock.advance(2_900_000);
  expect(await source(hour)).toBe('token 1');
  expect(tokensDueAtMs(memory)).toBeGreaterThan(clock.now());
  await clock.advance(700_000);
  await expect(source(hour)).rejects.toThrow('no server');
  state.outage = false;
  expect(await source(hour)).toBe('token 2');
});
