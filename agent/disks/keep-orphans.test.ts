import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { VolumeMounts } from '../../runtime/disk/volume-mounts.ts';
import { KeyedSerial } from '../../runtime/serial.ts';
import { FakeApi } from '../../test/harness/fake-api.ts';
import { HeldTooLong } from './held-too-long.ts';
import { keepOrphans } from './keep-orphans.ts';
import { Known } from './known.ts';
import { NodeDisks } from './node-disks.ts';
import { VolumeLocks } from './volume-locks.ts';

const options = { signal: new AbortController().signal };
let directory: string;
let client: FakeApi;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-orphans-'));
  client = new FakeApi({
    clock: systemClock,
    random: systemRandom,
    kinds: [volumes, volumeSnapshots],
  });
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function roomOf(live: boolean) {
  const known = new Known<Volume>();
  const snapshots = new Known<VolumeSnapshot>();
  if (live)
    for (const type of ['init', 'initDone'] as const)
      for (const each of [known, snapshots]) each.apply({ type });
  return {
    disks: new NodeDisks([{ name: 'local', class: 'local', path: directory }]),
    mounts: new VolumeMounts(join(directory, 'mounts')),
    locks: new VolumeLocks(join(directory, 'holders')),
    known,
    snapshots,
    serial: new KeyedSerial(),
    tooLong: new HeldTooLong(),
  };
}

const images = async () =>
  (await readdir(directory)).filter((name) => name.endsWith('.img')).sort();
const place = (uid: string, kind = '') =>
  writeFile(join(directory, `default_data.a_${uid}${kind}.img`), 'data');
const orphans = { nodeName: 'n1', log: silentLog };

test('what no volume knows is kept, unless somebody holds it or the API knows it after all', async () => {
  const { metadata } = await client.create<Volume>(
    volumes,
    {
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { namespace: 'default', name: 'data.a' },
      spec: { size: '1Mi', nodeName: 'n1' },
    },
    options,
  );
  const room = roomOf(true);
  for (const uid of ['u1', 'u2', metadata.uid ?? '']) await place(uid);
  const holder = { kind: 'Pod', namespace: 'default', name: 'p', uid: 'p1', image: '' };
  await room.locks.take('u2', holder);
  await place('s1', '.snapshot');
  await keepOrphans(room, { ...orphans, client }, options);
  expect(await images()).toEqual(
    [
      'default_data.a_u1.retained.img',
      'default_data.a_s1.retained.img',
      'default_data.a_u2.img',
      `default_data.a_${metadata.uid}.img`,
    ].sort(),
  );
  const known = { namespace: 'default', name: 'data.a', size: '0' };
  const { 'berth.dev/disks': disks = '' } = await room.disks.annotations();
  expect(JSON.parse(disks)).toMatchObject([
    {
      retained: expect.arrayContaining([
        { uid: 'u1', ...known },
        { uid: 's1', ...known },
      ]),
    },
  ]);
});

test('nothing is touched before the API has answered', async () => {
  await place('u1');
  await keepOrphans(roomOf(false), { ...orphans, client }, options);
  expect(await images()).toEqual(['default_data.a_u1.img']);
});
