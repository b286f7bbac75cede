/** A Workload of bare processes through real kubectl, on a host where systemd is the first process. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../../../api/kinds.gen.ts';
import { pods } from '../../../api/resources.gen.ts';
import { until } from '../../e2e/until.ts';
import { type Kubectl, kubectlOf } from '../../harness/kubectl.ts';
import { type Plane, startPlane } from '../../harness/plane.ts';

const run = promisify(execFile);
const never = { signal: new AbortController().signal };
let plane: Plane;
let kubectl: Kubectl;

beforeAll(async () => {
  plane = await startPlane('embedded');
  kubectl = kubectlOf(plane);
}, 120_000);

afterAll(async () => {
  await run('bash', ['-c', "systemctl stop 'berth_*'; systemctl reset-failed 'berth_*'"]).catch(
    () => undefined,
  );
  await plane?.remove();
});

const manifest = `
apiVersion: berth.dev/v1
kind: Workload
metadata: {name: web}
spec:
  replicas: 2
  runtime: systemd
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          command: [busybox, httpd, -f, -p, "80", -h, /etc]
          readinessProbe: {httpGet: {path: /hostname, port: 80}, periodSeconds: 1}
          env: [{name: GREETING, value: hello}]
          resources: {limits: {cpu: 250m, memory: 48Mi}}
`;

const podsOf = async () => {
  const { items } = await plane.client.list<Pod>(pods, { ...never, namespace: 'default' });
  return items.filter(({ metadata }) => metadata.labels?.['app'] === 'web');
};

const unitOf = (pod: Pod) =>
  (pod.status?.containerStatuses?.[0]?.containerID ?? '').replace('systemd://', '');

const show = async (unit: string, property: string) =>
  (await run('systemctl', ['show', '--value', '-p', property, unit])).stdout.trim();

test('the node says what runs on it', async () => {
  const described = await kubectl.ok(['describe', 'node', plane.nodeName]);
  expect(described).toContain('berth.dev/runtimes: docker,systemd');
  const cannot = 'tty,stdin,streams,hostname,sysctls,seccomp,images';
  expect(described).toContain(`berth.dev/systemd-cannot: ${cannot}`);
});

test('two processes run with an address each, and within their limits', async () => {
  await kubectl.apply(manifest);
  await kubectl.ok(['wait', 'workload/web', '--for=condition=Available', '--timeout=180s']);
  for (const pod of await podsOf()) {
    const answer = await fetch(`http://${pod.status?.podIP}/hostname`);
    expect((await answer.text()).trim()).toBe('h1');
    const pid = await show(unitOf(pod), 'MainPID');
    const group = await show(unitOf(pod), 'ControlGroup');
    const read = async (path: string) => (await readFile(path, 'utf8')).trim();
    expect(await read(`/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`)).toBe(
      String(48 << 20),
    );
    expect(await read(`/sys/fs/cgroup/cpu${group}/cpu.cfs_quota_us`)).toBe('25000');
    expect(await read(`/proc/${pid}/comm`)).toBe('busybox');
  }
});

test('exec is inside, with its environment and its network', async () => {
  const [pod] = await podsOf();
  const said = await kubectl.ok([
    'exec',
    pod!.metadata.name!,
    '--',
    'sh',
    '-c',
    'echo $GREETING; busybox ip -4 addr show eth0',
  ]);
  expect(said).toContain('hello');
  expect(said).toContain(pod?.status?.podIP);
});

test('kill -9 of Berth hurts neither the processes nor their connections', async () => {
  const before = await podsOf();
  const pids = await Promise.all(before.map((pod) => show(unitOf(pod), 'MainPID')));
  const open = connect(80, before[0]?.status?.podIP ?? '');
  await new Promise((resolve) => open.once('connect', resolve));
  await plane.kill();
  await plane.up();
  open.write('GET /hostname HTTP/1.0\r\n\r\n');
  let said = '';
  for await (const chunk of open) said += chunk;
  expect(said).toContain('h1');
  expect(await Promise.all(before.map((pod) => show(unitOf(pod), 'MainPID')))).toEqual(pids);
});

test('a process that ends is started again, and its last log can be read', async () => {
  const crashing = `
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec:
  runtimeClassName: systemd
  hostNetwork: true
  containers: [{name: main, command: [sh, -c, "echo attempt; sleep 1; exit 4"]}]
`;
  await kubectl.apply(crashing);
  await until('it was restarted', async () => {
    const pod = await plane.client.get<Pod>(pods, { namespace: 'default', name: 'crash' }, never);
    return (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
  });
  expect(await kubectl.ok(['logs', 'crash', '--previous'])).toBe('attempt\n');
  await kubectl.ok(['delete', 'pod', 'crash', '--now']);
});

test('what a process cannot do is told with the field', async () => {
  await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: terminal}
spec:
  runtimeClassName: systemd
  containers: [{name: main, command: [cat], tty: true}]
`);
  await until('it says so', async () => {
    const described = await kubectl.ok(['describe', 'pod', 'terminal']);
    return described.includes('tty: the systemd runtime cannot do this; use docker');
  });
  await kubectl.ok(['delete', 'pod', 'terminal', '--now']);
});

/** The host's other tests may have left theirs. */
const ownUnits = async () => {
  const nodeId = (await readFile(join(plane.dataDir, 'agent', 'node-id'), 'utf8')).trim();
  const { stdout } = await run('systemctl', [
    'show',
    '-p',
    'Id',
    '-p',
    'LogExtraFields',
    'berth_*',
  ]);
  return stdout.split('\n\n').filter((unit) => unit.includes(`BERTH_NODE=${nodeId}`));
};

test('deletion leaves nothing: no unit, no namespace, no address', async () => {
  const units = (await podsOf()).map(unitOf);
  const properties = (name: string) => Promise.all(units.map((unit) => show(unit, name)));
  const slices = await properties('Slice');
  const namespaces = await properties('NetworkNamespacePath');
  expect((await ownUnits()).length).toBeGreaterThanOrEqual(2);
  expect(slices).toEqual([expect.stringMatching(/^berth-/), expect.stringMatching(/^berth-/)]);
  expect(namespaces.every(existsSync)).toBe(true);
  await kubectl.ok(['delete', 'workload', 'web', '--wait', '--timeout=180s']);
  await until('all is gone', async () => {
    const loaded = await run('systemctl', ['list-units', '--all', '--no-legend', ...slices]);
    const left = [...(await ownUnits()), ...namespaces.filter(existsSync)];
    return loaded.stdout.trim() === '' && left.length === 0;
  });
});
