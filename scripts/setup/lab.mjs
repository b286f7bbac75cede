// Hosts of the lab (test/hosts/lab), for the tests and for the demo on several machines.
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, run } from './processes.mjs';

/** What each Debian package that the hosts need is known by. */
export const labPackages = [
  { name: 'busybox-static', isThere: () => findProgram('busybox') !== undefined },
  { name: 'docker.io', isThere: () => findProgram('dockerd') !== undefined },
  { name: 'systemd', isThere: () => existsSync('/lib/systemd/systemd') },
  { name: 'dbus', isThere: () => findProgram('dbus-daemon') !== undefined },
  { name: 'iproute2', isThere: () => findProgram('ip') !== undefined },
  { name: 'iptables', isThere: () => findProgram('iptables') !== undefined },
  { name: 'curl', isThere: () => findProgram('curl') !== undefined },
  { name: 'systemd-container', isThere: () => findProgram('machinectl') !== undefined },
  // Virtual machines, and what their small guest is made of.
  { name: 'libvirt-daemon-system', isThere: () => findProgram('libvirtd') !== undefined },
  { name: 'libvirt-clients', isThere: () => findProgram('virsh') !== undefined },
  { name: 'qemu-system-x86', isThere: () => findProgram('qemu-system-x86_64') !== undefined },
  { name: 'qemu-utils', isThere: () => findProgram('qemu-img') !== undefined },
  { name: 'linux-image-cloud-amd64', isThere: hasCloudKernel },
  { name: 'cpio', isThere: () => findProgram('cpio') !== undefined },
  { name: 'kmod', isThere: () => findProgram('modprobe') !== undefined },
  // Networks by CNI.
  { name: 'containernetworking-plugins', isThere: () => existsSync('/usr/lib/cni/bridge') },
  // Volumes are formatted with either.
  { name: 'e2fsprogs', isThere: () => findProgram('mkfs.ext4') !== undefined },
  { name: 'xfsprogs', isThere: () => findProgram('mkfs.xfs') !== undefined },
];

function hasCloudKernel() {
  const modules = '/lib/modules';
  return existsSync(modules) && readdirSync(modules).some((name) => name.includes('-cloud-'));
}

/** Hosts of tests that were interrupted: their labs are called `berth-lab-<pid>`. */
export async function removeDeadLabs(root) {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^berth-lab-(\d+)$/.exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    await run('bash', [script(root), 'down'], { env: { LAB_NAME: name } });
  }
}

/** `lab <args>` of the checkout in `root`; resolves with what it printed. */
export function lab(root, ...args) {
  return run('bash', [script(root), ...args]);
}

function script(root) {
  return join(root, 'test', 'hosts', 'lab', 'lab');
}
