/** Volumes under a container, a process and a machine of one host: hard sizes, real limits, data that stay. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, guestCommandLine, labImage } from './cluster.ts';

const timeoutMs = 600_000;
const node = 'h2';
const host = 2;
const users = ['container', 'process', 'machine'] as const;
const writes = 60;
const rate = 20;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start(2);
}, timeoutMs);

afterAll(async () => {
  await cluster?.remove();
}, timeoutMs);

/** As the scheduler places it. */
const volume = (name: string, reclaimPolicy: 'Retain' | 'Delete') => ({
  apiVersion: 'berth.dev/v1',
  kind: 'Volume',
  metadata: { name, finalizers: ['berth.dev/volume-data'] },
  spec: {
    size: '48Mi',
    limits: { writeIOPS: rate },
    reclaimPolicy,
    nodeName: node,
    allocation: { disk: 'local' },
  },
});

/** Prints for how many seconds it writes; `rest` is what it does then. */
const measure = (target: string) =>
  `read a x </proc/uptime
   busybox dd if=/dev/zero of=${target} bs=4096 count=${writes} oflag=direct conv=notrunc 2>/dev/null
   read b x </proc/uptime; echo took $a $b`;

const script = `cat /data/kept; sleep 1
  ${measure('/data/io')}
  busybox dd if=/dev/zero of=/data/big bs=1M count=60 2>&1; rm -f /data/big
  echo kept >/data/kept; sync; echo done; exec sleep 100000`;

const pod = (name: string, more: object, container: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 0,
    ...more,
    containers: [
      {
        name: 'main',
        command: ['/bin/sh', '-c', script],
        volumeMounts: [{ name: 'v', mountPath: '/data' }],
        ...container,
      },
    ],
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName: `${name}-data` } }],
  },
});

const machine = {
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { name: 'machine' },
  spec: {
    nodeName: node,
    resources: { requests: { cpu: '500m', memory: '160Mi' } },
    boot: {
      kernel: '/lab/vmlinuz',
      initrd: '/lab/initrd.gz',
      commandLine: guestCommandLine('10.99.0.121', 'machine'),
    },
    interfaces: [{ bridge: 'br0', address: '10.99.0.121/24' }],
    disks: [{ name: 'data', volume: 'machine-data' }],
    graphics: false,
  },
};

const instances = {
  container: pod('container', {}, { image: labImage, imagePullPolicy: 'Never' }),
  process: pod('process', { runtimeClassName: 'systemd' }, {}),
  machine,
};
const targets = { container: 'pod/container', process: 'pod/process', machine: 'vm/machine' };

const logOf = async (name: string) => (await cluster.berth(1, 'logs', name)).stdout;

async function inGuest(command: string): Promise<string> {
  let said = '';
  await cluster.until('the agent of the guest answers', async () => {
    const output = await cluster.berth(1, 'exec', 'vm/machine', '--', '/bin/sh', '-c', command);
    said = output.stdout;
    return output.code === 0;
  });
  return said;
}

const images = () => cluster.sh(host, 'cd /var/lib/berth/agent/volumes && ls *.img || true');

test(
  `${rate} writes a second are ${rate} for each of them, and each is full at its size`,
  async () => {
    await cluster.apply(...users.map((name) => volume(`${name}-data`, 'Delete')));
    await cluster.apply(...Object.values(instances));
    for (const name of ['container', 'process']) {
      await cluster.until(`${name} has written`, async () => (await logOf(name)).includes('done'));
      const log = await logOf(name);
      expect(log).toMatch(/No space left on device/);
      expectRate(name, log);
    }
    expectRate('machine', await inGuest(measure('/dev/vda')));
    expect(await inGuest('cat /sys/block/vda/serial /sys/block/vda/size')).toBe('data98304\n');
    await inGuest('echo kept | busybox dd of=/dev/vda conv=notrunc; sync');
    // Nobody else has felt it.
    expect(await cluster.sh(host, 'echo free >/var/tmp/free && cat /var/tmp/free')).toBe('free');
  },
  timeoutMs,
);

/** Within a factor of two. */
function expectRate(name: string, log: string): void {
  const [, from, to] = /took ([\d.]+) ([\d.]+)/.exec(log) ?? [];
  const perSecond = writes / (Number(to) - Number(from));
  expect(perSecond, name).toBeGreaterThan(rate / 2);
  expect(perSecond, name).toBeLessThan(rate * 2);
}

test(
  'a second instance waits for a volume that is in use, and says for whom',
  async () => {
    const rival = pod('rival', {}, { image: labImage, imagePullPolicy: 'Never' });
    rival.spec.volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'machine-data' } }];
    await cluster.apply(rival);
    await cluster.until('it says so', async () =>
      (await cluster.kubectl('describe', 'pod', 'rival')).includes('VM "machine"'),
    );
    await cluster.kubectl('delete', 'pod', 'rival', '--timeout=180s');
  },
  timeoutMs,
);

test(
  'a guest sees that its disk has grown',
  async () => {
    const size = ['patch', 'volume', 'machine-data', '--type=merge', '-p'];
    await cluster.kubectl(...size, '{"spec":{"size":"64Mi"}}');
    await cluster.until(
      'it has grown',
      async () => (await inGuest('cat /sys/block/vda/size')) === '131072\n',
    );
  },
  timeoutMs,
);

test(
  'snapshots are taken of what a container, a process and a machine use, and these go on',
  async () => {
    const taken = users.map((name) => ({
      apiVersion: 'berth.dev/v1',
      kind: 'VolumeSnapshot',
      metadata: { name },
      spec: { volume: `${name}-data` },
    }));
    await cluster.apply(...taken);
    const frozen =
      'jsonpath={range .items[*]}{.metadata.name} {.status.frozen} {.status.path}{"\\n"}';
    await cluster.kubectl('wait', 'vs', '--all', '--for=condition=Ready', '--timeout=180s');
    const lines = (await cluster.kubectl('get', 'vs', '-o', `${frozen}{end}`)).trim().split('\n');
    const [container = '', machine = '', process = ''] = lines;
    expect(container).toMatch(/^container true \//);
    expect(process).toMatch(/^process true \//);
    const path = machine.split(' ')[2] ?? '';
    expect(await cluster.sh(host, `dd if=${path} bs=5 count=1 2>/dev/null`)).toBe('kept');
    expect(await inGuest('echo goes on')).toBe('goes on\n');
    expect(await cluster.sh(host, 'virsh list --name --state-paused')).toBe('');
    await cluster.kubectl('delete', 'vs', '--all', '--timeout=180s');
    expect(await images()).not.toContain('snapshot');
  },
  timeoutMs,
);

test(
  'a process has a block volume in a /dev of its own, and reaches no other device',
  async () => {
    const raw = volume('raw', 'Delete');
    await cluster.apply({ ...raw, spec: { ...raw.spec, volumeMode: 'Block' } });
    const look = `printf kept >/dev/data; head -c 4 /dev/data; echo
      mknod /tmp/other b 7 255; head -c 1 /tmp/other 2>&1; rm /tmp/other; echo done; sleep 100000`;
    const { spec, ...rest } = pod(
      'raw',
      { runtimeClassName: 'systemd' },
      {
        command: ['/bin/sh', '-c', look],
        volumeMounts: [],
        volumeDevices: [{ name: 'v', devicePath: '/dev/data' }],
      },
    );
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'raw' } }];
    await cluster.apply({ ...rest, spec: { ...spec, volumes } });
    await cluster.until('it has looked', async () => (await logOf('raw')).includes('done'));
    expect(await logOf('raw')).toMatch(/^kept(.*\n)*.*not permitted/);
    expect(await cluster.sh(host, 'ls /dev/data 2>&1 || true')).toContain('No such file');
    await cluster.kubectl('delete', 'pod/raw', 'volume/raw', '--timeout=180s');
  },
  timeoutMs,
);

test(
  'data survive the loss of the agent, and of the whole host',
  async () => {
    await cluster.killBerth(host);
    await cluster.reviveBerth(host);
    expect(await inGuest('busybox dd if=/dev/vda bs=5 count=1 2>/dev/null')).toBe('kept\n');
    await cluster.lab.crash(host);
    await cluster.lab.boot(host);
    await cluster.reviveBerth(host);
    for (const name of ['container', 'process']) {
      await cluster.until(`${name} finds its data`, async () =>
        /^kept\ntook/m.test(await logOf(name)),
      );
    }
    expect(await inGuest('busybox dd if=/dev/vda bs=5 count=1 2>/dev/null')).toBe('kept\n');
  },
  timeoutMs,
);

test(
  'Delete wipes and Retain keeps, once the users have gone',
  async () => {
    const retain = ['patch', 'volume', 'machine-data', '--type=merge', '-p'];
    await cluster.kubectl(...retain, '{"spec":{"reclaimPolicy":"Retain"}}');
    await cluster.kubectl('delete', ...Object.values(targets), '--timeout=180s');
    await cluster.kubectl('delete', 'volumes', '--all', '--wait=false');
    const kept = /^default_machine-data_[-0-9a-f]{36}\.retained\.img$/;
    await cluster.until('only what is retained is left', async () => kept.test(await images()));
    expect(await cluster.sh(host, 'grep -c /volumes/mounts/ /proc/mounts || true')).toBe('0');
  },
  timeoutMs,
);
