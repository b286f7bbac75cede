/** A VM from its manifest to its end through real kubectl, on a host with a libvirtd of its own. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VM } from '../../../api/kinds.gen.ts';
import { vms } from '../../../api/resources.gen.ts';
import { openSocket } from '../../../cli/verbs/web-socket.ts';
import { loadKubeconfig } from '../../../client/kubeconfig.ts';
import { until } from '../../e2e/until.ts';
import { type Kubectl, kubectlOf } from '../../harness/kubectl.ts';
import { type Plane, startPlane } from '../../harness/plane.ts';
import { adoptAndRelease } from './adopt-domain.ts';

const run = promisify(execFile);
const never = { signal: new AbortController().signal };
const bootMs = 300_000;
let plane: Plane;
let kubectl: Kubectl;

beforeAll(async () => {
  plane = await startPlane('embedded');
  kubectl = kubectlOf(plane);
}, bootMs);

afterAll(async () => {
  await kubectl?.(['delete', 'vms', '--all', '--grace-period=0', '--force', '--timeout=180s']);
  await plane?.remove();
}, bootMs);

const ip = '10.99.0.111';
const manifest = {
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { name: 'db' },
  spec: {
    resources: { requests: { cpu: '1', memory: '160Mi' } },
    cpu: { max: 2 },
    memory: { max: '192Mi' },
    boot: {
      kernel: '/lab/vmlinuz',
      initrd: '/lab/initrd.gz',
      commandLine: `console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check ip=${ip}/24 hostname=db`,
    },
    disks: [{ name: 'data', size: '64Mi', limits: { writeIOPS: 20 } }],
    interfaces: [{ bridge: 'br0', address: `${ip}/24` }],
    cloudInit: { userData: '#cloud-config\n' },
  },
};

const vm = () => plane.client.get<VM>(vms, { namespace: 'default', name: 'db' }, never);
const answer = async () =>
  (await fetch(`http://${ip}/`, { signal: AbortSignal.timeout(2_000) })).text();
const qemu = async () => (await run('pgrep', ['-f', 'guest=berth_default_db_'])).stdout.trim();

test(
  'it boots where the manifest is applied, and kubectl tells',
  async () => {
    await kubectl.apply(manifest);
    await kubectl.ok(['wait', 'vm/db', '--for=condition=Ready', '--timeout=180s']);
    expect(await until('the guest answers', answer, bootMs)).toBe('db\n');
    const [heading, line] = (await kubectl.ok(['get', 'vm', '-o', 'wide'])).split('\n');
    expect(heading).toMatch(/NAME +STATUS +READY +AGE +NODE +ADDRESS +CPU +MEMORY/);
    expect(line).toMatch(/db +Running +True .* node-1 +10\.99\.0\.111 +1 +160Mi/);
    const described = await kubectl.ok(['describe', 'vm', 'db']);
    expect(described).toContain('Successfully assigned');
    expect(described).toContain('Started container vm');
    const node = await kubectl.ok(['describe', 'node', plane.nodeName]);
    expect(node).toContain('berth.dev/libvirt-cannot: tty,streams,containers,images');
    const xml = (await run('virsh', ['dumpxml', (await vm()).status?.domain?.split('/')[2] ?? '']))
      .stdout;
    expect(xml).toContain('<write_iops_sec>20</write_iops_sec>');
  },
  bootMs,
);

test(
  'its console is its log; commands run inside; and one may sit down at it',
  async () => {
    const printed = await plane.berth(['logs', 'vm/db']);
    expect(printed).toMatchObject({ code: 0, stdout: expect.stringContaining('guest up') });
    const ran = await until('the agent answers', async () => {
      const said = await plane.berth(['exec', 'vm/db', '--', '/bin/sh', '-c', 'hostname; exit 3']);
      return said.stderr.includes('agent') ? undefined : said;
    });
    expect(ran).toMatchObject({ code: 3, stdout: 'db\n' });
    const said = await plane.berth(['console', 'vm/db'], { stdin: '\necho con-$((6*7))\n' });
    expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining('con-42') });
    const pod = await plane.berth(['logs', 'db']);
    expect(pod.stderr).toContain('pods "db" not found');
  },
  bootMs,
);

test(
  'kill -9 of Berth does not touch it',
  async () => {
    const before = await qemu();
    const { domain } = (await vm()).status ?? {};
    await plane.kill();
    await plane.up();
    await until('the plane knows it', async () => (await vm()).status?.phase === 'Running');
    expect(await qemu()).toBe(before);
    expect((await vm()).status?.domain).toBe(domain);
  },
  bootMs,
);

const phaseIs = (phase: string) =>
  until(`it is ${phase}`, async () => (await vm()).status?.phase === phase, bootMs);

test(
  'berth vm: it is halted, goes on, is saved and goes on from there; the rest is refused',
  async () => {
    const { restarts } = (await vm()).status ?? {};
    expect(await plane.berth(['vm', 'suspend', 'db'])).toMatchObject({ code: 0 });
    await phaseIs('Paused');
    await kubectl.ok(['wait', 'vm/db', '--for=condition=Ready=false', '--timeout=180s']);
    const refused = await plane.berth(['vm', 'reboot', 'vm/db']);
    expect(refused.stderr).toContain('it is paused: resume it first (Conflict)');
    await plane.berth(['vm', 'resume', 'vm/db']);
    await phaseIs('Running');
    await plane.berth(['vm', 'save', 'vm/db']);
    await phaseIs('Saved');
    expect(await plane.berth(['vm', 'save', 'vm/db'])).toMatchObject({
      stdout: expect.stringContaining('already'),
    });
    await plane.berth(['vm', 'start', 'vm/db']);
    await phaseIs('Running');
    expect(await until('the guest answers', answer, bootMs)).toBe('db\n');
    // It has not ended meanwhile.
    expect((await vm()).status?.restarts).toBe(restarts);
    expect(await plane.berth(['vm', 'reset', 'vm/db'])).toMatchObject({ code: 0 });
  },
  bootMs,
);

test(
  'a snapshot is an object; one goes back to it, and captures what runs',
  async () => {
    await until('it answers', answer, bootMs);
    const taken = await plane.berth(['vm', 'snapshot', 'vm/db', '--name', 'one']);
    expect(taken).toMatchObject({ code: 0, stdout: expect.stringContaining('with its memory') });
    const [, line] = (await kubectl.ok(['get', 'vmsnap'])).split('\n');
    expect(line).toMatch(/^one +db +Ready +true/);
    const capture = await plane.berth(['vm', 'capture', 'vm/db', '--to', 'golden']);
    expect(capture.stdout).toMatch(/image: {path: .*\/images\/golden.qcow2}/);
    const { restarts = 0 } = (await vm()).status ?? {};
    expect(await plane.berth(['vm', 'restore', 'vm/db', '--snapshot', 'one'])).toMatchObject({
      code: 0,
    });
    await until('it is told', async () => (await vm()).status?.restarts === restarts + 1);
    await phaseIs('Running');
    await kubectl.ok(['delete', 'vmsnap', 'one', '--timeout=180s']);
    const gone = await plane.berth(['vm', 'restore', 'vm/db', '--snapshot', 'one']);
    expect(gone.stderr).toContain('vmsnapshots.berth.dev "one" not found');
  },
  bootMs,
);

test(
  'a change of its manifest changes it while it runs, or says what waits for a restart',
  async () => {
    await until('it answers', answer, bootMs);
    const { domain = '' } = (await vm()).status ?? {};
    // What a node sells beside the others' requests is what a machine may grow to.
    await kubectl.ok(['annotate', 'node', 'node-1', 'berth.dev/cpu-oversell=4']);
    await kubectl.apply({
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { name: 'spare' },
      // It has no place yet: it gets that on the machine's node.
      spec: { size: '16Mi', reclaimPolicy: 'Delete' },
    });
    await kubectl.apply({
      ...manifest,
      spec: {
        ...manifest.spec,
        resources: { requests: { cpu: '2', memory: '192Mi' } },
        cpu: { max: 2, model: 'Haswell' },
        disks: [
          { name: 'data', size: '96Mi', limits: { writeIOPS: 30 } },
          { name: 'more', size: '32Mi' },
          { name: 'lent', volume: 'spare' },
        ],
      },
    });
    await kubectl.ok(['wait', 'vm/db', '--for=condition=RestartRequired', '--timeout=180s']);
    const condition = async (name: string) =>
      (await vm()).status?.conditions?.find(({ type }) => type === name);
    // Its volume may not be known to the node at once.
    await until('all is done', async () => (await condition('Synchronized')) === undefined);
    const { status } = await vm();
    const waits = status?.conditions?.find(({ type }) => type === 'RestartRequired');
    expect(waits?.message).toBe('waits for the next start: spec.cpu.model');
    expect(status).toMatchObject({ domain, phase: 'Running' });
    const holder = () =>
      kubectl.ok(['get', 'vol', 'spare', '-o', 'jsonpath={.status.holder.name}']);
    await until('the volume is lent', async () => (await holder()) === 'db');
    const xml = (await run('virsh', ['dumpxml', domain.split('/')[2] ?? ''])).stdout;
    expect(xml).toContain("<vcpu placement='static'>2</vcpu>");
    expect(xml).toContain('<write_iops_sec>30</write_iops_sec>');
    expect(xml).toContain('<serial>more</serial>');
    // More than the node has left is not given, not even a part of it.
    const greedy =
      '{"spec":{"resources":{"requests":{"memory":"100Ti"}},"memory":{"max":"100Ti"}}}';
    await kubectl.ok(['patch', 'vm', 'db', '--type=merge', '-p', greedy]);
    const refusal = /memory: 100Ti is asked for, and node node-1 has .* for it: ask for less/;
    await until('it is refused', async () =>
      refusal.test((await condition('Synchronized'))?.message ?? ''),
    );
    await kubectl.apply(manifest);
    // The machine that runs has let go of it: it is anybody's.
    await until('the volume is free', async () => (await holder()) === '');
    await kubectl.ok(['delete', 'vol', 'spare', '--timeout=180s']);
    expect((await vm()).status).toMatchObject({ domain, phase: 'Running' });
  },
  bootMs,
);

test(
  'running: false shuts it down and keeps it; true boots it again with its disks',
  async () => {
    await kubectl.ok([
      ...['patch', 'vm', 'db', '--type=merge', '-p'],
      '{"spec":{"running":false,"stopMode":null}}',
    ]);
    await kubectl.ok(['wait', 'vm/db', '--for=jsonpath={.status.phase}=Stopped', '--timeout=180s']);
    const stopped = await vm();
    const captured = await plane.berth(['vm', 'capture', 'vm/db', '--to', 'golden']);
    expect(captured.stderr).toContain('golden.qcow2 is there already: name another file');
    expect(stopped.spec.nodeName).toBe('node-1');
    expect(stopped.status?.state).toMatchObject({ terminated: { exitCode: 0 } });
    // What the node has not left it does not get by a start either.
    const { memory, resources } = stopped.spec;
    const greedy = { running: true, resources: { requests: { memory: '100Ti' } } };
    const patch = JSON.stringify({ spec: { ...greedy, memory: { max: '100Ti' } } });
    await kubectl.ok(['patch', 'vm', 'db', '--type=merge', '-p', patch]);
    await kubectl.ok(['wait', 'vm/db', '--for=condition=Ready', '--timeout=180s']);
    await kubectl.ok(['wait', 'vm/db', '--for=condition=Synchronized=false', '--timeout=180s']);
    const back = JSON.stringify({ spec: { resources, memory: memory ?? null } });
    await kubectl.ok(['patch', 'vm', 'db', '--type=merge', '-p', back]);
    expect(await until('the guest answers again', answer, bootMs)).toBe('db\n');
    expect((await vm()).status?.restarts).toBe((stopped.status?.restarts ?? 0) + 1);
  },
  bootMs,
);

test(
  'a disk that is gone is told, and never made anew',
  async () => {
    const wish = (running: boolean) =>
      kubectl.ok([
        'patch',
        'vm',
        'db',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { running } }),
      ]);
    await wish(false);
    await kubectl.ok(['wait', 'vm/db', '--for=jsonpath={.status.phase}=Stopped', '--timeout=180s']);
    const { uid = '' } = (await vm()).metadata;
    const found = await run('find', [
      '/var/lib/libvirt/images/berth',
      '-path',
      `*${uid}/data.qcow2`,
    ]);
    const path = found.stdout.trim();
    await run('mv', [path, `${path}.away`]);
    await wish(true);
    const words = `disk "data": ${path} is gone: mount its disk`;
    await until('it says so', async () => (await vm()).status?.message?.startsWith(words));
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await run('mv', [`${path}.away`, path]);
    await kubectl.ok(['wait', 'vm/db', '--for=condition=Ready', '--timeout=180s']);
    expect(await until('the guest answers again', answer, bootMs)).toBe('db\n');
  },
  bootMs,
);

test(
  'a guest that ends by itself is started again',
  async () => {
    const { restarts = 0, domain = '' } = (await vm()).status ?? {};
    await run('virsh', ['destroy', domain.split('/')[2] ?? '']);
    await until('it was started again', async () => {
      const { status } = await vm();
      return status?.restarts === restarts + 1 && status.phase === 'Running';
    });
    // What it was before is no part of what it is.
    expect(Object.keys((await vm()).status?.state ?? {})).toEqual(['running']);
  },
  bootMs,
);

test('its screen comes over a WebSocket', async () => {
  const path = '/apis/berth.dev/v1/namespaces/default/vms/db/vnc';
  const socket = openSocket(loadKubeconfig(plane.kubeconfig), path, ['binary']);
  const [hello] = (await once(socket, 'message')) as [Buffer];
  expect(hello.toString()).toMatch(/^RFB 003/);
  socket.terminate();
});

test.each([
  [
    'an image with another checksum than it says',
    {
      disks: [
        {
          name: 'root',
          image: { url: 'http://127.0.0.1:8099/image', checksum: `sha256:${'0'.repeat(64)}` },
        },
      ],
    },
    'not the one asked for',
  ],
  [
    'an image of another format',
    { disks: [{ name: 'root', image: { path: '/tmp/other.vmdk' } }] },
    'is vmdk: only raw and qcow2',
  ],
  ['a kernel that is not there', { boot: { kernel: '/absent-kernel' } }, '/absent-kernel'],
  [
    'a disk that is not there',
    { disks: [{ name: 'root', image: { path: '/absent.qcow2' } }] },
    '/absent.qcow2: no such file',
  ],
  [
    "a size below the image's",
    { disks: [{ name: 'root', size: '1Mi', image: { path: '/lab/vmlinuz' } }] },
    'smaller than its image',
  ],
])('%s is told with its name', async (_, more, words) => {
  await run('qemu-img', ['create', '-q', '-f', 'vmdk', '/tmp/other.vmdk', '1M']);
  const images = createServer((_, answer) => answer.end('not what was promised'));
  await new Promise<void>((resolve) => images.listen(8099, '127.0.0.1', () => resolve()));
  const spec = { resources: { requests: { memory: '64Mi' } }, ...more };
  await kubectl.apply({ ...manifest, metadata: { name: 'bad' }, spec });
  await until('it says so', async () =>
    (await kubectl.ok(['describe', 'vm', 'bad'])).includes(words),
  );
  await until('its status does too', async () =>
    (await kubectl.ok(['get', 'vm', 'bad', '-o', 'jsonpath={.status.message}'])).includes(words),
  );
  images.close();
  await kubectl.ok(['delete', 'vm', 'bad', '--timeout=180s']);
});

test('an image that the disk of the node has no room for is told, and nothing of it is left', async () => {
  const { uid = '' } = (await vm()).metadata;
  const own = await run('find', ['/var/lib/libvirt/images/berth', '-name', uid]);
  const images = join(dirname(own.stdout.trim()), 'images');
  await run('mkdir', ['-p', images]);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', images]);
  const server = createServer((_, answer) => answer.end(Buffer.alloc(1 << 20)));
  await new Promise<void>((resolve) => server.listen(8099, '127.0.0.1', () => resolve()));
  const image = { url: 'http://127.0.0.1:8099/image', checksum: `sha256:${'0'.repeat(64)}` };
  const spec = { resources: { requests: { memory: '64Mi' } }, disks: [{ name: 'root', image }] };
  await kubectl.apply({ ...manifest, metadata: { name: 'bad' }, spec });
  await until('it says so', async () =>
    /ENOSPC: no space left/.test(
      await kubectl.ok(['get', 'vm', 'bad', '-o', 'jsonpath={.status.message}']),
    ),
  );
  expect(await kubectl.ok(['describe', 'vm', 'bad'])).toContain(`Pulling image "${image.url}"`);
  await kubectl.ok(['delete', 'vm', 'bad', '--timeout=180s']);
  expect((await run('ls', [images])).stdout).toBe('');
  await run('umount', [images]);
  server.close();
});

test('what cannot be is refused with the field', async () => {
  const { boot: _, disks: __, ...rest } = manifest.spec;
  const bad = { ...manifest, metadata: { name: 'no' }, spec: { ...rest, resources: {} } };
  await expect(kubectl.apply(bad)).rejects.toThrow(/spec.resources.requests.memory: Required/);
  await expect(kubectl.apply(bad)).rejects.toThrow(/spec.disks: Required/);
});

test(
  'a domain is adopted as it runs, goes on under its VM, and is released as it was',
  () => adoptAndRelease(plane, kubectl),
  4 * bootMs,
);

test(
  'deletion shuts it down and leaves nothing',
  async () => {
    // Other tests of the host have a node, and so a directory and names, of their own.
    const nodeId = (await readFile(join(plane.dataDir, 'agent', 'node-id'), 'utf8')).trim();
    const directory = join('/var/lib/libvirt/images/berth', nodeId);
    const domains = async () => {
      const { stdout } = await run('virsh', ['list', '--all', '--name']);
      return stdout.split('\n').filter((name) => name.startsWith('berth_default_'));
    };
    expect(await domains()).toHaveLength(1);
    await kubectl.ok(['delete', 'vm', 'db', '--timeout=180s']);
    expect(await domains()).toEqual([]);
    // An image that was captured is its own.
    const own = [
      '-not',
      '-name',
      'golden.qcow2',
      '(',
      '-name',
      '*.qcow2',
      '-o',
      '-name',
      '*.log',
      ')',
    ];
    const left = await run('find', [directory, ...own]);
    expect(left.stdout.trim()).toBe('');
  },
  bootMs,
);
