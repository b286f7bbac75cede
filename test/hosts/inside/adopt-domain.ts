/** A domain that somebody made by hand, through its life under Berth and back, as one test of a plane that is there. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { VM } from '../../../api/kinds.gen.ts';
import { vms } from '../../../api/resources.gen.ts';
import { until } from '../../e2e/until.ts';
import type { Kubectl } from '../../harness/kubectl.ts';
import type { Plane } from '../../harness/plane.ts';

const run = promisify(execFile);
const never = { signal: new AbortController().signal };
const bootMs = 300_000;

/** As somebody would make it by hand: another board than ours, no log, and a drive that Berth knows nothing of. */
const foreignXml = `<domain type='qemu'><name>Theirs</name>
  <memory unit='MiB'>160</memory><vcpu>1</vcpu>
  <os><type machine='pc'>hvm</type><kernel>/lab/vmlinuz</kernel><initrd>/lab/initrd.gz</initrd>
  <cmdline>console=ttyS0 quiet mitigations=off no_timer_check ip=10.99.0.112/24 hostname=theirs</cmdline></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='/var/lib/theirs.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>
    <interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices></domain>`;

export async function adoptAndRelease(plane: Plane, kubectl: Kubectl): Promise<void> {
  const virsh = async (...args: readonly string[]) => (await run('virsh', args)).stdout;
  const file = '/var/lib/theirs.qcow2';
  const theirs = () => plane.client.get<VM>(vms, { namespace: 'default', name: 'theirs' }, never);
  const process = async () => (await run('pgrep', ['-f', 'guest=Theirs,'])).stdout.trim();
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', file, '64M']);
  await writeFile('/tmp/theirs.xml', foreignXml);
  await virsh('define', '/tmp/theirs.xml');
  await virsh('autostart', 'Theirs');
  await virsh('start', 'Theirs');
  const before = await process();
  const definition = async () =>
    (await virsh('dumpxml', '--inactive', 'Theirs')).replace(/ *<metadata>.*<\/metadata>\n/s, '');
  const xmlBefore = await definition();
  const dry = await plane.berth(['adopt', 'libvirt/Theirs', '--dry-run']);
  expect(dry.stdout).toContain(`path: ${file}`);
  const adopted = await plane.berth(['adopt', 'libvirt/Theirs']);
  expect(adopted.stdout).toBe(
    'vm/theirs adopted: libvirt/Theirs on node node-1 runs on as it did\n',
  );
  expect(adopted.stderr).toContain('1 drive of another kind: kept as libvirt has them');
  await kubectl.ok(['wait', 'vm/theirs', '--for=condition=Ready', '--timeout=180s']);
  const condition = async (name: string) =>
    (await theirs()).status?.conditions?.find(({ type }) => type === name);
  await until('its agent answers', () => condition('AgentConnected'), 2 * bootMs);
  const said = await plane.berth(['exec', 'vm/theirs', '--', '/bin/hostname']);
  expect(said).toMatchObject({ code: 0, stdout: 'theirs\n' });
  expect((await plane.berth(['logs', 'vm/theirs'])).stderr).toContain('berth console');
  await plane.kill();
  await plane.up();
  await until('it is seen again', async () => (await theirs()).status?.phase === 'Running');
  expect(await process()).toBe(before);
  expect(await definition()).toBe(xmlBefore);
  expect(await condition('Synchronized')).toBeUndefined();
  expect((await theirs()).status?.restarts).toBe(0);
  expect(await virsh('dominfo', 'Theirs')).toMatch(/Autostart: +disable/);
  const again = await plane.berth(['adopt', 'libvirt/Theirs', '--name', 'other']);
  expect(again.stderr).toContain('belongs to vm default/theirs already');
  // A copy of it has its labels, and is nobody's.
  const copy = (await virsh('dumpxml', '--inactive', 'Theirs'))
    .replace('<name>Theirs<', '<name>Copy<')
    .replace(/ *<uuid>.*\n/, '')
    .replace(/ *<mac address.*\n/, '');
  await writeFile('/tmp/copy.xml', copy);
  await virsh('define', '/tmp/copy.xml');
  expect(copy).toContain('berth.dev');
  expect(await plane.berth(['adopt', 'libvirt/Copy', '--dry-run'])).toMatchObject({ code: 0 });
  await virsh('undefine', 'Copy');
  // It is started as libvirt has it, with what its VM has changed.
  const change = {
    running: false,
    resources: { requests: { cpu: '1', memory: '192Mi' } },
    cpu: { model: 'Haswell' },
  };
  const patch = (spec: object) =>
    kubectl.ok(['patch', 'vm', 'theirs', '--type=merge', '-p', JSON.stringify({ spec })]);
  await patch(change);
  await until('it is off', async () => (await theirs()).status?.phase === 'Stopped', bootMs);
  await patch({ running: true });
  await until('it runs again', async () => (await theirs()).status?.phase === 'Running', bootMs);
  const xml = await virsh('dumpxml', 'Theirs');
  expect(xml).toMatch(/<memory unit='KiB'>196608<.*pc-i440fx.*device='cdrom'/s);
  expect((await theirs()).status?.restarts).toBe(1);
  await until('what is libvirt’s to say is told', async () =>
    (await condition('Synchronized'))?.message?.includes(
      'spec.cpu.model: an adopted machine is what libvirt says it is',
    ),
  );
  const second = await process();
  const released = await plane.berth(['release', 'vm/theirs']);
  expect(released.stdout).toMatch(/^vm\/theirs released: libvirt:\/\//);
  expect(await process()).toBe(second);
  expect(await virsh('dominfo', 'Theirs')).toMatch(/Autostart: +enable/);
  expect(await virsh('dumpxml', 'Theirs')).not.toContain('berth.dev');
  // One that is off is adopted as such; what is deleted is libvirt's again, with its disk.
  await virsh('destroy', 'Theirs');
  const off = await plane.berth(['adopt', 'libvirt/Theirs', '--name', 'off']);
  expect(off.stdout).toContain('stays off');
  await kubectl.ok(['delete', 'vm', 'off', '--timeout=180s']);
  expect(await virsh('domstate', 'Theirs')).toContain('shut off');
  await run('test', ['-s', file]);
  await virsh('undefine', 'Theirs');
}
