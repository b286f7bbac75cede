import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VolumeProjection } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { notFound } from '../../api/status.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { createReferences } from '../files/references.ts';
import { PodMemory } from '../pod/pod-memory.ts';
import { followVolumes } from './follow-volumes.ts';
import type { PodContext } from './pod-context.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'berth-follow-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const token = { serviceAccountToken: { path: 'token', expirationSeconds: 1_000 } };
const file = () => join(dataDir, 'pods/p1/volumes/api/token');

/** A pod whose volume has been made, as when its container started. */
async function world(sources: readonly VolumeProjection[], spec: object = {}) {
  await mkdir(join(dataDir, 'pods/p1/volumes/api'), { recursive: true });
  const clock = new FakeClock();
  const told: string[] = [];
  let issued = 0;
  const context = {
    pod: {
      metadata: { namespace: 'shop', name: 'web', uid: 'p1' },
      spec: {
        serviceAccountName: 'robot',
        containers: [{ name: 'main', volumeMounts: [{ name: 'api', mountPath: '/api' }] }],
        volumes: [{ name: 'api', projected: { sources, defaultMode: 0o644 } }],
        ...spec,
      },
    },
    uid: 'p1',
    memory: new PodMemory(),
    clock,
    random: seededRandom(1),
    log: silentLog,
    signal: new AbortController().signal,
    dataDir,
    facts: { nodeName: 'n', hostIp: '', allocatable: {} },
    events: { recordEvent: ({ message }: { message: string }) => told.push(message) },
    client: {
      create: async (_resource: Resource, object: KubeObject) => {
        issued += 1;
        const expirationTimestamp = new Date(clock.now() + 1_000_000).toISOString();
        return { ...object, status: { token: `token ${issued}`, expirationTimestamp } };
      },
      get: async (_resource: Resource, { name }: { name: string }) => {
        throw notFound({ group: '', resource: 'configmaps' }, name);
      },
    },
  } as unknown as PodContext; // Nothing else of it is used.
  return { context, clock, told };
}

const follow = (context: PodContext) =>
  followVolumes(context, { references: createReferences(context), sourceChanges: 0 });

test('the file gets a new token in time, and the node looks again by then', async () => {
  const { context, clock } = await world([token]);
  const dueAtMs = await follow(context);
  expect(await readFile(file(), 'utf8')).toBe('token 1');
  expect((await stat(file())).mode & 0o777).toBe(0o644);
  expect(dueAtMs - clock.now()).toBeLessThanOrEqual(800_000);
  expect(await follow(context)).toBe(dueAtMs);
  await clock.advance(dueAtMs - clock.now());
  expect(await follow(context)).toBeGreaterThan(clock.now());
  expect(await readFile(file(), 'utf8')).toBe('token 2');
});

test('in a pod with an fsGroup only that group reads it', async () => {
  const fsGroup = process.getgid?.() ?? 0;
  const { context } = await world([token], { securityContext: { fsGroup } });
  await follow(context);
  expect((await stat(file())).mode & 0o777).toBe(0o640);
});

test('what cannot be written because of something else is not tried without a pause', async () => {
  const { context, clock, told } = await world([{ configMap: { name: 'gone' } }, token]);
  context.memory.tokens.set('1000 ', { token: 'old', refreshAtMs: 0, endsAtMs: 0 });
  expect((await follow(context)) - clock.now()).toBe(5_000);
  expect(told).toEqual([expect.stringContaining('configmap "gone" not found')]);
});
