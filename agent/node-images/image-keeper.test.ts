import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { fakeImageBytes } from '../../runtime/fake/driver.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { type Disk, ImageKeeper } from './image-keeper.ts';
import { ImageLedger, tellingPulls } from './image-ledger.ts';

const { signal } = new AbortController();
const empty: Disk = { capacityBytes: 10 * fakeImageBytes, availableBytes: 9 * fakeImageBytes };
const full: Disk = { capacityBytes: 10 * fakeImageBytes, availableBytes: fakeImageBytes };

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'berth-images-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

async function scene() {
  const clock = new FakeClock();
  const registry = ['old:1', 'new:1', 'busy:1'];
  const engine = new FakeEngine({ clock, images: ['theirs:1'], registry });
  const ledger = await ImageLedger.open(dataDir);
  const runtime = tellingPulls(engine.runtime('n'), (image) => ledger.notePull(image));
  let disk = empty;
  const keeper = new ImageKeeper({
    runtimes: [runtime],
    clock,
    log: silentLog,
    ledger,
    readDisk: async () => disk,
  });
  const pull = (image: string) => runtime.ensureImage(image, 'IfNotPresent', { signal });
  const fill = (to: Disk) => {
    disk = to;
  };
  return { clock, engine, runtime, keeper, pull, fill };
}

test('over the threshold the longest unused of our own go, until it is under the lower one', async () => {
  const { clock, engine, keeper, pull, fill } = await scene();
  await pull('theirs:1');
  await pull('old:1');
  await keeper.look({ signal });
  await clock.advance(60_000);
  await pull('new:1');
  await keeper.look({ signal });
  await clock.advance(200_000);
  await keeper.look({ signal });
  expect(engine.images.size).toBe(3);
  fill(full);
  await keeper.look({ signal });
  expect([...engine.images].sort()).toEqual(['new:1', 'theirs:1']);
  expect(keeper.nodeImages).toEqual([
    { names: ['new:1'], sizeBytes: fakeImageBytes },
    { names: ['theirs:1'], sizeBytes: fakeImageBytes },
  ]);
});

test('what a restart of the agent finds is as old, and as much its own, as before', async () => {
  const first = await scene();
  await first.pull('old:1');
  await first.keeper.look({ signal });
  const { clock, engine, keeper, fill } = await scene();
  engine.images.add('old:1');
  await clock.advance(130_000);
  fill(full);
  await keeper.look({ signal });
  expect([...engine.images]).toEqual(['theirs:1']);
});

test('a disk that needs room now gets all that is unused and ours', async () => {
  const { clock, engine, keeper, pull, fill } = await scene();
  await pull('old:1');
  await pull('new:1');
  await keeper.look({ signal });
  await clock.advance(130_000);
  fill(full);
  expect(await keeper.reclaim({ signal })).toBe(2 * fakeImageBytes);
  expect([...engine.images]).toEqual(['theirs:1']);
});
