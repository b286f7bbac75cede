import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { type Hold, tooLong } from '../../runtime/disk/frozen.ts';
import { VolumeMounts } from '../../runtime/disk/volume-mounts.ts';
import type { MachineControl, Stillness } from '../../runtime/machine.ts';
import { KeyedSerial } from '../../runtime/serial.ts';
import { copyOf } from './copy-volume.ts';
import { HeldTooLong } from './held-too-long.ts';
import { Known } from './known.ts';
import { NodeDisks } from './node-disks.ts';
import type { VolumeRoom } from './room.ts';
import { VolumeLocks } from './volume-locks.ts';

const options = { signal: new AbortController().signal };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-copy-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Mounts that are none: which are mounted, and what freezing them does. */
class TestMounts extends VolumeMounts {
  mounted = false;
  frozenTimes = 0;
  fails = false;

  override async isMounted(): Promise<boolean> {
    return this.mounted;
  }

  override async flush(): Promise<void> {}

  override async frozen<T>(_uid: string, task: Parameters<Hold>[0]): Promise<T> {
    this.frozenTimes += 1;
    if (this.fails) throw tooLong();
    // The task is the caller's, of its own type.
    return (await task(options)) as T;
  }
}

/** A guest with or without an agent. */
function machines(frozen: boolean, asked: Stillness[]): MachineControl {
  const control: Partial<MachineControl> = {
    still: async (_id, how, call, task) => {
      asked.push(how);
      return await task(frozen, call);
    },
  };
  return control as MachineControl; // No other verb is asked for.
}

async function scene(holder?: 'Pod' | 'VM', control?: MachineControl) {
  const mounts = new TestMounts(join(directory, 'mounts'));
  const room: VolumeRoom = {
    disks: new NodeDisks([{ name: 'local', class: 'local', path: directory }]),
    mounts,
    locks: new VolumeLocks(join(directory, 'holders')),
    known: new Known<Volume>(),
    snapshots: new Known<VolumeSnapshot>(),
    serial: new KeyedSerial(),
    tooLong: new HeldTooLong(),
    machines: control,
  };
  const hold = async (uid: string) => {
    await room.locks.drop('v1');
    const who = { kind: holder ?? 'Pod', namespace: 'a', name: 'p', uid, image: '' };
    await room.locks.take('v1', who);
  };
  if (holder !== undefined) await hold('p1');
  const volume: Volume = {
    apiVersion: 'berth.dev/v1',
    kind: 'Volume',
    metadata: { namespace: 'a', name: 'data', uid: 'v1' },
    spec: { size: '1Mi', nodeName: 'n', allocation: { disk: 'local' } },
  };
  const image = { path: join(directory, 'x.img'), sizeBytes: 1n << 20n };
  // Another disk never shares blocks with it, whatever this machine's file system can do.
  const copy = () => copyOf({ volume, image, forUid: 's1', disk: 'other' }, room, options);
  return { mounts, hold, copy };
}

const run = async ({ source, frozen }: Awaited<ReturnType<typeof copyOf>>) => {
  if (source.type !== 'copy') throw new Error(source.type);
  await source.hold?.(async () => undefined);
  return frozen();
};

test('what nobody uses is copied as it is, and what is mounted while it is frozen', async () => {
  const unused = await scene();
  expect((await unused.copy()).source).not.toHaveProperty('hold');
  const used = await scene('Pod');
  used.mounts.mounted = true;
  expect(await run(await used.copy())).toBe(true);
  expect(used.mounts.frozenTimes).toBe(1);
});

test('nobody is held twice for too long for the same copy, but whoever comes after', async () => {
  const { mounts, copy, hold } = await scene('Pod');
  mounts.mounted = true;
  mounts.fails = true;
  await expect(run(await copy())).rejects.toMatchObject({ reason: 'InUse' });
  await expect(copy()).rejects.toMatchObject({ reason: 'InUse' });
  expect(mounts.frozenTimes).toBe(1);
  await hold('p2');
  mounts.fails = false;
  expect(await run(await copy())).toBe(true);
});

test('a guest is held by its agent, else halted; a block device in a pod cannot be held', async () => {
  for (const agent of [true, false]) {
    const asked: Stillness[] = [];
    const { copy } = await scene('VM', machines(agent, asked));
    expect(await run(await copy())).toBe(agent);
    expect(asked).toMatchObject([{ pause: true, maxMs: 10_000 }]);
  }
  const { copy } = await scene('Pod');
  await expect(copy()).rejects.toThrow('volume "data" is in use by Pod "p" as a block device');
});
