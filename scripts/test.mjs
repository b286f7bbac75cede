#!/usr/bin/env node
// Sets up what the tests need, then runs vitest with our arguments; ends with its words and code.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages } from './setup/debian.mjs';
import { ensureDocker, stopOwnDocker } from './setup/docker.mjs';
import { ensureBuild, ensurePackages } from './setup/packages.mjs';
import { findProgram } from './setup/processes.mjs';
import { runScript, step } from './setup/steps.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stateDir = join(root, '.berth', 'test');

const pythonClient = '/usr/lib/python3/dist-packages/kubernetes';

/** What each Debian package is known by. */
const needed = [
  { name: 'etcd-server', isThere: () => existsSync('/usr/bin/etcd') },
  { name: 'etcd-client', isThere: () => existsSync('/usr/bin/etcdctl') },
  { name: 'busybox-static', isThere: () => findProgram('busybox') !== undefined },
  // Hosts of the lab, where systemd is the first process.
  { name: 'systemd', isThere: () => existsSync('/lib/systemd/systemd') },
  { name: 'dbus', isThere: () => findProgram('dbus-daemon') !== undefined },
  { name: 'iproute2', isThere: () => findProgram('ip') !== undefined },
  { name: 'iptables', isThere: () => findProgram('iptables') !== undefined },
  { name: 'curl', isThere: () => findProgram('curl') !== undefined },
  { name: 'python3-kubernetes', isThere: () => existsSync(pythonClient) },
  { name: 'systemd-container', isThere: () => findProgram('machinectl') !== undefined },
  // Virtual machines, and what their small guest is made of.
  { name: 'libvirt-daemon-system', isThere: () => findProgram('libvirtd') !== undefined },
  { name: 'libvirt-clients', isThere: () => findProgram('virsh') !== undefined },
  { name: 'qemu-system-x86', isThere: () => findProgram('qemu-system-x86_64') !== undefined },
  { name: 'qemu-utils', isThere: () => findProgram('qemu-img') !== undefined },
  // Volumes are formatted with either.
  { name: 'e2fsprogs', isThere: () => findProgram('mkfs.ext4') !== undefined },
  { name: 'xfsprogs', isThere: () => findProgram('mkfs.xfs') !== undefined },
  { name: 'linux-image-cloud-amd64', isThere: hasCloudKernel },
  { name: 'cpio', isThere: () => findProgram('cpio') !== undefined },
  { name: 'kmod', isThere: () => findProgram('modprobe') !== undefined },
];

function hasCloudKernel() {
  const modules = '/lib/modules';
  return existsSync(modules) && readdirSync(modules).some((name) => name.includes('-cloud-'));
}

await runScript('test', async () => {
  await step('npm packages', (note) => ensurePackages(root, note));
  await step('build', () => ensureBuild(root));
  await step('Debian packages', installMissing);
  const { startedByUs } = await startDocker();
  if (findProgram('kubectl') === undefined) {
    console.log('\nThere is no kubectl here: tests that need it say so and check less.');
  }
  console.log('');
  try {
    process.exitCode = await vitest(process.argv.slice(2));
  } finally {
    // Silently: the last words are vitest's.
    if (startedByUs) await stopOwnDocker(stateDir).catch(() => undefined);
  }
});

async function installMissing(note) {
  const missing = needed.filter(({ isThere }) => !isThere()).map(({ name }) => name);
  if (missing.length === 0) return 'all there';
  note(`installing ${missing.join(', ')}`);
  await installPackages(missing, `the tests need ${missing.join(', ')}`);
  return `installed ${missing.join(', ')}`;
}

async function startDocker() {
  let engine;
  await step('Docker engine', async (note) => {
    engine = await ensureDocker(stateDir, note);
    return engine.startedByUs ? `${engine.version}, started for the tests` : engine.version;
  });
  return engine;
}

/** Resolves with its exit code; a signal that reaches us reaches it too. */
function vitest(args) {
  const binary = join(root, 'node_modules', '.bin', 'vitest');
  const child = spawn(binary, ['run', ...args], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
