/** Volumes of a node that are real: image files, loop devices and mounts, used by containers of a real engine. */
import { existsSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type {
  Container,
  Node,
  Pod,
  PodSpec,
  Volume,
  VolumeSnapshot,
  VolumeSpec,
} from '../../api/kinds.gen.ts';
import { nodes, pods, volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { dataFinalizer, disksAnnotation, type NodeDisk } from '../../api/volume.ts';
import { DockerAgent, restScript, shell } from '../harness/docker-agent.ts';
import { busyboxImage } from '../harness/images.ts';

const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const options = { signal: new AbortController().signal };
const key = { namespace: 'default', name: 'data' };
const mayLoop = process.getuid?.() === 0 && existsSync('/dev/loop-control');
let agent: DockerAgent;

beforeEach(async () => {
  agent = await DockerAgent.start();
});

afterEach(async () => {
  for (const { metadata } of agent.api.all<Pod>(pods)) await removePod(metadata.name ?? '');
  for (const { metadata, spec } of agent.api.all<Volume>(volumes)) {
    await removeVolume(metadata.name ?? '', spec.reclaimPolicy);
  }
  await agent.clean();
});

/** As the scheduler leaves it. */
async function createVolume(spec: Partial<VolumeSpec> = {}, name = 'data'): Promise<Volume> {
  const placed = { nodeName: agent.nodeName, allocation: { disk: 'local' } };
  return await agent.api.create<Volume>(
    volumes,
    {
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { namespace: 'default', name, finalizers: [dataFinalizer] },
      spec: { size: '24Mi', ...placed, ...spec },
    },
    options,
  );
}

const volumeNamed = (name = 'data') => agent.api.peek<Volume>(volumes, `default/${name}`);

async function untilVolume(is: (volume: Volume) => boolean, name = 'data'): Promise<Volume> {
  return await agent.until(
    () => {
      const volume = volumeNamed(name);
      return volume !== undefined && is(volume) ? volume : undefined;
    },
    () => JSON.stringify(volumeNamed(name)?.status),
  );
}

/** As its controller leaves it. */
async function createSnapshot(name: string, volumeUID: string): Promise<void> {
  const allocation = { disk: 'local', size: '24Mi', volumeUID };
  await agent.api.create<VolumeSnapshot>(
    volumeSnapshots,
    {
      apiVersion: 'berth.dev/v1',
      kind: 'VolumeSnapshot',
      metadata: { namespace: 'default', name, finalizers: [dataFinalizer] },
      spec: { volume: 'data', nodeName: agent.nodeName, allocation },
    },
    options,
  );
}

const snapshotNamed = (name: string) =>
  agent.api.peek<VolumeSnapshot>(volumeSnapshots, `default/${name}`);

async function untilSnapshot(name: string, is: (snapshot: VolumeSnapshot) => boolean) {
  return await agent.until(
    () => {
      const snapshot = snapshotNamed(name);
      return snapshot !== undefined && is(snapshot) ? snapshot : undefined;
    },
    () => JSON.stringify(snapshotNamed(name)?.status),
  );
}

const isReady = ({ status }: Volume) => status?.phase === 'Ready';

function using(script: string, claimName = 'data'): Partial<PodSpec> {
  return {
    containers: [
      {
        name: 'main',
        image: busyboxImage,
        command: ['sh', '-c', script],
        volumeMounts: [{ name: 'v', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
  };
}

async function removePod(name: string): Promise<void> {
  await agent.api.delete(pods, { namespace: 'default', name }, options);
  await agent.until(() => agent.pod(name) === undefined);
}

async function removeVolume(name: string, reclaimPolicy?: 'Retain' | 'Delete'): Promise<void> {
  if (reclaimPolicy !== undefined) {
    await agent.api.patch(volumes, { ...key, name }, { spec: { reclaimPolicy } }, options);
  }
  await agent.api.delete(volumes, { ...key, name }, options);
  await agent.until(
    () => volumeNamed(name) === undefined,
    () => JSON.stringify(volumeNamed(name)?.status),
  );
}

const files = async () => {
  const names = await readdir(join(agent.dataDir, 'volumes'));
  return names.filter((name) => name.endsWith('.img'));
};

const isRunning = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.running !== undefined;
const waitingOf = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.waiting;

test.runIf(mayLoop)(
  'a volume is full at its size, keeps its data, and has one user at a time',
  async () => {
    await createVolume();
    await untilVolume(isReady);
    expect(volumeNamed()?.status).toMatchObject({ capacity: '24Mi' });
    const said = await agent.outputOf(
      'first',
      using('echo kept >/data/a; dd if=/dev/zero of=/data/b bs=1M count=30 2>&1; rm /data/b'),
    );
    expect(said.join()).toContain('No space left on device');
    await agent.createPod('second', using(`cat /data/a; ${restScript}`));
    const second = await agent.untilPod('second', isRunning);
    expect(await agent.log(second.metadata.uid ?? '', 'main')).toBe('kept\n');

    await agent.createPod('third', using('cat /data/a'));
    const third = await agent.untilPod(
      'third',
      (pod) => waitingOf(pod)?.reason === 'VolumePending',
    );
    expect(waitingOf(third)?.message).toBe(
      'volume "data" is held by Pod "second": it waits for its end',
    );
    await removePod('second');
    await agent.untilPod('third', ({ status }) => status?.phase !== 'Pending');
  },
  60_000,
);

test('a volume that does not fit says so, and its pod says why it waits', async () => {
  await createVolume({ size: '900Ti' });
  const { status } = await untilVolume((each) => each.status?.phase === 'Failed');
  expect(status?.conditions).toMatchObject([
    { type: 'Ready', status: 'False', reason: 'DiskFull' },
  ]);
  await agent.createPod('first', using('true'));
  const pod = await agent.untilPod('first', (each) => waitingOf(each)?.reason === 'VolumePending');
  expect(waitingOf(pod)?.message).toMatch(/volume "data" is not ready: .* has \d+[MG]i free/);
  expect(await files()).toEqual([]);
});

test('Retain leaves the data for a volume that takes them up; Delete wipes them', async () => {
  const { metadata } = await createVolume({ reclaimPolicy: 'Retain' });
  await untilVolume(isReady);
  await removeVolume('data');
  expect(await files()).toEqual([`default_data_${metadata.uid}.retained.img`]);
  const node = await agent.until(async () => {
    const found = await agent.api.get<Node>(nodes, { name: agent.nodeName }, options);
    const text = found.metadata.annotations?.[disksAnnotation] ?? '';
    return text.includes('retained') ? (JSON.parse(text) as NodeDisk[]) : undefined;
  });
  expect(node).toMatchObject([
    {
      name: 'local',
      class: 'local',
      retained: [{ uid: metadata.uid, name: 'data', size: '24Mi' }],
    },
  ]);
  const source = { retained: metadata.uid ?? '' };
  const next = await createVolume({ source, reclaimPolicy: 'Delete' }, 'next');
  await untilVolume(isReady, 'next');
  expect(await files()).toEqual([`default_next_${next.metadata.uid}.img`]);
  await removeVolume('next');
  expect(await files()).toEqual([]);
}, 120_000);

test.runIf(mayLoop)(
  'limits hold from the start, and others while it runs',
  async () => {
    await createVolume({ requests: { writeIOPS: 20 }, limits: { readBPS: '1Mi' } });
    const { metadata } = await agent.createPod('first', using(restScript));
    await agent.untilPod('first', isRunning);
    const [row] = await agent.containers();
    const { State } = await docker.getContainer(row!.Id).inspect();
    expect(await limitsOf(State.Pid)).toEqual({ writeIOPS: 20, readBPS: 1_048_576 });
    await leaveGroup(State.Pid);
    await agent.api.patch(
      volumes,
      key,
      { spec: { limits: { writeIOPS: 40, readBPS: null } } },
      options,
    );
    await agent.until(async () => (await limitsOf(State.Pid)).writeIOPS === 40);
    expect(await limitsOf(State.Pid)).toEqual({ writeIOPS: 40 });
    expect(metadata.uid).toBe(agent.pod('first')?.metadata.uid);
  },
  60_000,
);

/** As systemd with cgroup v1 does to what an engine is just starting. */
async function leaveGroup(pid: number): Promise<void> {
  const procs = '/sys/fs/cgroup/blkio/cgroup.procs';
  if (existsSync(procs)) await writeFile(procs, String(pid));
}

/** Of the only device that is limited, as the kernel has it. */
async function limitsOf(pid: number): Promise<Record<string, number>> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
  const legacy = /^\d+:blkio:\/(.*)$/m.exec(groups)?.[1];
  const found: Record<string, number> = {};
  if (legacy === undefined) {
    const place = /^0::\/(.*)$/m.exec(groups)?.[1];
    const text = await readFile(`/sys/fs/cgroup/${place}/io.max`, 'utf8');
    for (const [word, name] of Object.entries({ wiops: 'writeIOPS', rbps: 'readBPS' })) {
      const rate = new RegExp(`${word}=(\\d+)`).exec(text)?.[1];
      if (rate !== undefined) found[name] = Number(rate);
    }
    return found;
  }
  const root = `/sys/fs/cgroup/blkio/${legacy}/blkio.throttle`;
  for (const [file, name] of Object.entries({ write_iops: 'writeIOPS', read_bps: 'readBPS' })) {
    const rate = / (\d+)\n/.exec(await readFile(`${root}.${file}_device`, 'utf8'))?.[1];
    if (rate !== undefined) found[name] = Number(rate);
  }
  return found;
}

test.runIf(mayLoop)('an emptyDir in memory is full at its size, and leaves nothing', async () => {
  const script =
    "grep ' /data ' /proc/mounts; ls -ld /data; dd if=/dev/zero of=/data/a bs=1M count=3 2>&1";
  const [mount = '', mode = '', ...log] = await agent.outputOf('first', {
    ...using(script),
    volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '2Mi' } }],
  });
  expect(mount).toMatch(/^tmpfs \/data tmpfs .*size=2048k/);
  expect(mode).toContain('drwxrwxrwx');
  expect(log.join()).toContain('No space left on device');
  await removePod('first');
  expect(await readdir(join(agent.dataDir, 'pods'))).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(agent.dataDir);
});

test.runIf(mayLoop)(
  'copies and snapshots are made while their volume is in use, and outlive it',
  async () => {
    const { metadata } = await createVolume();
    const write = `echo kept >/data/a; while date >/data/b; do sleep 0.05; done & ${restScript}`;
    await agent.createPod('first', using(write));
    await agent.untilPod('first', isRunning);
    const size = { size: '24Mi', nodeName: agent.nodeName };
    await createSnapshot('before', metadata.uid ?? '');
    await createVolume({ source: { volume: 'data' } }, 'copy');
    const before = await untilSnapshot('before', ({ status }) => status?.readyToUse === true);
    expect(before.status).toMatchObject({ phase: 'Ready', restoreSize: '24Mi', frozen: true });
    expect(before.status?.creationTime).toMatch(/^20/);
    await untilVolume(isReady, 'copy');
    expect(await agent.outputOf('second', using('cat /data/a', 'copy'))).toEqual(['kept']);

    await removePod('first');
    await removeVolume('data', 'Delete');
    await createVolume({ ...size, size: '8Mi', source: { snapshot: 'before' } }, 'again');
    const small = await untilVolume(({ status }) => status?.phase === 'Failed', 'again');
    expect(small.status?.conditions?.[0]).toMatchObject({
      reason: 'InvalidVolume',
      message: expect.stringMatching(/^size: .* has 24Mi; ask for at least that/),
    });
    await agent.api.patch(volumes, { ...key, name: 'again' }, { spec: { size: '64Mi' } }, options);
    await untilVolume(isReady, 'again');
    const look = 'cat /data/a; df -m /data | tail -1';
    const [said, room = ''] = await agent.outputOf('third', using(look, 'again'));
    expect(said).toBe('kept');
    expect(Number(room.split(/\s+/)[1])).toBeGreaterThan(40);

    await createSnapshot('late', metadata.uid ?? '');
    const late = await untilSnapshot('late', ({ status }) => status?.phase === 'Failed');
    expect(late.status?.message).toBe('volume "data" was deleted before it was taken');
    for (const name of ['before', 'late']) {
      await agent.api.delete(volumeSnapshots, { ...key, name }, options);
      await agent.until(() => snapshotNamed(name) === undefined);
    }
    expect((await files()).filter((name) => name.includes('snapshot'))).toEqual([]);
  },
  60_000,
);

test.runIf(mayLoop)(
  'a block volume is a device of its container, which reaches no other one',
  async () => {
    await createVolume({ volumeMode: 'Block', limits: { writeIOPS: 500 } }, 'raw');
    await createVolume();
    const script = `printf kept >/dev/data && head -c 4 /dev/data && echo
      blockdev --getsize64 /dev/data; mknod /tmp/other b 7 255; head -c 1 /tmp/other 2>&1`;
    const claimed = (claimName: string, more: Partial<Container>): Partial<PodSpec> => ({
      containers: [shell(script, more)],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
    });
    const volumeDevices = [{ name: 'v', devicePath: '/dev/data' }];
    const said = await agent.outputOf('user', claimed('raw', { volumeDevices }));
    expect(said.slice(0, 2)).toEqual(['kept', `${24 << 20}`]);
    expect(said.join()).toContain('Operation not permitted');
    await removePod('user');
    const volumeMounts = [{ name: 'v', mountPath: '/data' }];
    for (const [spec, remedy] of [
      [claimed('raw', { volumeMounts }), 'volumeDevices'],
      [claimed('data', { volumeDevices }), 'volumeMounts'],
    ] as const) {
      await agent.createPod('wrong', spec);
      const pod = await agent.untilPod('wrong', (each) => waitingOf(each) !== undefined);
      expect(waitingOf(pod)).toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining(`name it in ${remedy}`),
      });
      await removePod('wrong');
    }
  },
  60_000,
);

test.runIf(mayLoop)(
  'a snapshot without room says so, and is taken when there is some',
  async () => {
    const { metadata } = await createVolume();
    await untilVolume(isReady);
    await createVolume({ size: '1000Ti' }, 'huge');
    const huge = await untilVolume(({ status }) => status?.phase === 'Failed', 'huge');
    expect(huge.status?.conditions?.[0]?.reason).toBe('DiskFull');
    // Sparse, and larger than the disk.
    const image = join(agent.dataDir, 'volumes', `default_data_${metadata.uid}.img`);
    await truncate(image, 8e12);
    await createSnapshot('one', metadata.uid ?? '');
    const full = await untilSnapshot('one', ({ status }) => status?.conditions !== undefined);
    expect(full.status).toMatchObject({
      phase: 'Pending',
      readyToUse: false,
      conditions: [{ type: 'Ready', status: 'False', reason: 'DiskFull' }],
    });
    // Whoever asked for it before the volume was deleted shall have it.
    await agent.api.delete(volumes, key, options);
    const released = await untilVolume(({ status }) => status?.phase === 'Released');
    expect(JSON.stringify(released.status)).toContain('is still to be taken of it');
    await truncate(image, 24 << 20);
    await untilSnapshot('one', ({ status }) => status?.phase === 'Ready');
    await agent.until(() => volumeNamed() === undefined);
    await agent.api.delete(volumeSnapshots, { ...key, name: 'one' }, options);
    await agent.until(() => snapshotNamed('one') === undefined);
  },
);
