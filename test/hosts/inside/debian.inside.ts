/** A whole Debian with cloud-init and its agent as a VM: what the small guest of the other tests only plays. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VM } from '../../../api/kinds.gen.ts';
import { vms } from '../../../api/resources.gen.ts';
import { until } from '../../e2e/until.ts';
import { type Kubectl, kubectlOf } from '../../harness/kubectl.ts';
import { type Plane, startPlane } from '../../harness/plane.ts';

const never = { signal: new AbortController().signal };
/** Without KVM on a busy machine; each wait ends as soon as it can. */
const slowMs = 1_500_000;
const ip = '10.99.0.131';
let plane: Plane;
let kubectl: Kubectl;

const manifest = {
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { name: 'debian' },
  spec: {
    resources: { requests: { cpu: '1', memory: '512Mi' } },
    terminationGracePeriodSeconds: 600,
    boot: {
      kernel: '/lab/debian.vmlinuz',
      initrd: '/lab/debian.initrd',
      commandLine:
        'root=/dev/vda rw console=ttyS0 quiet systemd.show_status=false mitigations=off no_timer_check',
    },
    disks: [{ name: 'root', size: '3Gi', image: { path: '/lab/debian.qcow2' } }],
    interfaces: [{ bridge: 'br0', address: `${ip}/24` }],
    cloudInit: {
      userData: `#cloud-config
users: [{name: tester, gecos: made by cloud-init}]
locale: false
ssh_genkeytypes: []
write_files: [{path: /etc/written, content: "by cloud-init\\n"}]
`,
    },
  },
};

beforeAll(async () => {
  plane = await startPlane('embedded');
  kubectl = kubectlOf(plane);
  await kubectl.apply(manifest);
}, slowMs);

afterAll(async () => {
  await kubectl?.(['delete', 'vms', '--all', '--grace-period=0', '--force', '--timeout=180s']);
  await plane?.remove();
}, slowMs);

const vm = () => plane.client.get<VM>(vms, { namespace: 'default', name: 'debian' }, never);
const inside = async (line: string) => {
  const said = await plane.berth(['exec', 'vm/debian', '--', '/bin/sh', '-c', line]);
  return said.code === 0 ? said.stdout.trim() : `failed: ${said.stderr}${said.stdout}`;
};

test(
  'cloud-init sets user, files, host name and address, and takes the whole disk',
  async () => {
    const agent = async () =>
      (await vm()).status?.conditions?.find(({ type }) => type === 'AgentConnected');
    await until('its agent answers', agent, slowMs);
    // Asking cloud-init itself would take a slow guest longer than what it waits for.
    const result = () => inside('cat /run/cloud-init/result.json');
    await until('cloud-init is done', async () => (await result()).startsWith('{'), slowMs);
    expect(JSON.parse(await result())).toMatchObject({
      v1: { datasource: expect.stringContaining('NoCloud'), errors: [] },
    });
    expect(await inside('hostname')).toBe('debian');
    expect(await inside('id -un tester; cat /etc/written')).toBe('tester\nby cloud-init');
    expect(await inside('ip -4 -o addr show scope global')).toContain(`${ip}/24`);
    expect(Number(await inside('df --output=size -B1M / | tail -n 1'))).toBeGreaterThan(2_500);
    await until('its address is told', async () => (await vm()).status?.addresses?.includes(ip));
    // Nothing listens: who answers so is there.
    const socket = connect(9, ip);
    await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  },
  slowMs,
);

test(
  'its agent holds the file systems still for a snapshot',
  async () => {
    const taken = await plane.berth(['vm', 'snapshot', 'vm/debian', '--name', 'one']);
    expect(taken.code, taken.stderr).toBe(0);
    const frozen = await kubectl.ok(['get', 'vmsnap', 'one', '-o', 'jsonpath={.status.frozen}']);
    expect(frozen).toBe('true');
    expect(await inside('echo after > /root/after && sync && cat /root/after')).toBe('after');
  },
  slowMs,
);

test(
  'it heeds its power button',
  async () => {
    const patch = '{"spec":{"running":false}}';
    await kubectl.ok(['patch', 'vm', 'debian', '--type=merge', '-p', patch]);
    await until('it is off', async () => (await vm()).status?.phase === 'Stopped', slowMs);
    // By its own doing: not the plug.
    expect((await vm()).status?.state).toMatchObject({ terminated: { exitCode: 0 } });
    const { stdout } = await plane.berth(['logs', 'vm/debian']);
    expect(stdout).toContain('reboot: Power down');
  },
  slowMs,
);
