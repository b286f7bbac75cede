/** Images of a real engine that go, and those that stay, when their disk is full. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImageKeeper } from '../../agent/node-images/image-keeper.ts';
import { ImageLedger } from '../../agent/node-images/image-ledger.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import { imageArchive } from '../../runtime/docker/image-archive.ts';
import { readProgress } from '../../runtime/docker/images.ts';

const { signal } = new AbortController();
const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const run = randomUUID().slice(0, 8);
const nameOf = (what: string) => `berth-test/collect-${run}-${what}:1`;

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'berth-collect-'));
});
afterEach(async () => {
  for (const { Id } of await docker.listContainers({ all: true, filters: { label: [run] } }))
    await docker.getContainer(Id).remove({ force: true });
  for (const what of ['idle', 'stopped', 'theirs', 'two-names', 'again'])
    await docker
      .getImage(nameOf(what))
      .remove()
      .catch(() => undefined);
  await rm(dataDir, { recursive: true });
});

async function load(what: string): Promise<void> {
  const { Arch: architecture } = await docker.version();
  const archive = imageArchive({
    reference: nameOf(what),
    architecture,
    files: [{ path: 'what', content: `${what} ${run}` }],
    config: { Cmd: ['/what'] },
  });
  await readProgress(docker, await docker.loadImage(Readable.from([archive])), signal);
}

test('only what this node pulled and no container of anybody uses', async () => {
  const ledger = await ImageLedger.open(dataDir);
  for (const what of ['idle', 'stopped', 'theirs', 'two-names']) {
    await load(what);
    if (what !== 'theirs') ledger.notePull(nameOf(what));
  }
  await docker.createContainer({ Image: nameOf('stopped'), Labels: { [run]: '' } });
  const [repo = '', tag = ''] = nameOf('again').split(':');
  await docker.getImage(nameOf('two-names')).tag({ repo, tag });
  const keeper = new ImageKeeper({
    runtimes: [createDockerRuntime({ nodeId: run, clock: systemClock, log: silentLog })],
    clock: systemClock,
    log: silentLog,
    ledger,
    policy: { minAgeMs: 0 },
    readDisk: async () => ({ capacityBytes: 1e12, availableBytes: 0 }),
  });
  await keeper.look({ signal });
  const { images } = await createDockerRuntime({
    nodeId: run,
    clock: systemClock,
    log: silentLog,
  }).listImages({ signal });
  const left = images.flatMap(({ tags }) => tags).filter((each) => each.includes(run));
  expect(left.sort()).toEqual(['again', 'stopped', 'theirs', 'two-names'].map(nameOf));
  expect(keeper.nodeImages.length).toBeLessThanOrEqual(50);
});
