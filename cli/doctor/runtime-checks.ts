/** The checks of `berth doctor` for what runs instances: each runtime, its version, and the tools it needs. */
import { existsSync } from 'node:fs';
import { type EngineProbe, engineRemedy } from '../node/docker-engine.ts';
import { canOpen, findProgram, read, run } from '../node/look.ts';
import { hasLibvirt, hasSystemd } from '../node/runtimes.ts';
import type { Finding } from './finding.ts';

/** What runs containers. A node that joined can do without, as long as it can run anything else. */
export function dockerFindings(probe: EngineProbe, isJoined: boolean): readonly Finding[] {
  return [checkDocker(probe, isJoined), checkCgroups(probe), ...liveRestore(probe), ...gpus(probe)];
}

/** What runs processes and machines, and what volumes and addresses need. */
export async function hullFindings(): Promise<readonly Finding[]> {
  const [systemd, libvirt, qemu] = await Promise.all([checkSystemd(), checkLibvirt(), checkQemu()]);
  return [systemd, libvirt, ...qemu, checkKvm(), checkVolumeTools(), checkNetworkTools()];
}

function checkDocker(probe: EngineProbe, isJoined: boolean): Finding {
  if (probe.type === 'ready') return { state: 'ok', name: 'Docker', found: probe.version };
  const remedy = engineRemedy(probe);
  const optional = isJoined && probe.type === 'absent' && (hasSystemd() || hasLibvirt());
  return {
    state: optional ? 'optional' : 'missing',
    name: 'Docker',
    found: probe.type,
    without: optional
      ? 'no containers can run here'
      : 'no containers can run here ("berth up --no-agent" starts the rest)',
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function checkCgroups(probe: EngineProbe): Finding {
  const version = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '2' : '1';
  const used = probe.type === 'ready' ? probe.cgroupVersion : version;
  if (version === '2') return { state: 'ok', name: 'cgroups', found: `version ${used}` };
  return {
    state: 'optional',
    name: 'cgroups',
    found: `version ${used}`,
    without: 'CPU and memory limits work; those on buffered disk writes need version 2',
    remedy: 'boot with systemd.unified_cgroup_hierarchy=1',
  };
}

/** What makes the engine a better place, while it answers. */
function liveRestore(probe: EngineProbe): readonly Finding[] {
  if (probe.type !== 'ready') return [];
  if (probe.liveRestore) return [{ state: 'ok', name: 'live-restore', found: 'on' }];
  return [
    {
      state: 'optional',
      name: 'live-restore',
      found: 'off',
      without: 'a restart of the Docker engine stops every container',
      remedy: 'add {"live-restore": true} to /etc/docker/daemon.json; systemctl reload docker',
    },
  ];
}

/** Nothing on machines without GPUs of NVIDIA. */
function gpus(probe: EngineProbe): readonly Finding[] {
  const isThere = existsSync('/proc/driver/nvidia/gpus');
  if (!isThere || probe.type !== 'ready') return [];
  const toolkit = findProgram('nvidia-container-runtime-hook') ?? findProgram('nvidia-ctk');
  const name = 'GPU toolkit';
  if (toolkit !== undefined) return [{ state: 'ok', name, found: toolkit }];
  return [
    {
      state: 'optional',
      name,
      found: 'not found',
      without: "containers cannot be given this machine's GPUs; processes can",
      remedy: 'install the NVIDIA Container Toolkit (nvidia-container-toolkit), restart Docker',
    },
  ];
}

async function checkSystemd(): Promise<Finding> {
  const name = 'systemd';
  if (existsSync('/run/systemd/system')) {
    const version = /^systemd (\S+)/.exec(await versionOf('systemctl'))?.[1] ?? 'runs as PID 1';
    if (hasSystemd()) return { state: 'ok', name, found: version };
    return {
      state: 'optional',
      name,
      found: `${version}, and we are not root`,
      without: 'bare processes (runtime: systemd) cannot run here',
      remedy: 'run Berth as root',
    };
  }
  return {
    state: 'optional',
    name,
    found: `PID 1 is ${read('/proc/1/comm').trim() || 'something else'}`,
    without: 'bare processes (runtime: systemd) cannot run here',
    remedy: 'use a machine that boots with systemd',
  };
}

async function checkLibvirt(): Promise<Finding> {
  const name = 'libvirt';
  const version = /(\d+\.\d+\.\d+)/.exec(await versionOf('libvirtd'))?.[1];
  if (hasLibvirt()) return { state: 'ok', name, found: version ?? 'its socket is there' };
  const without = 'virtual machines (kind VM) cannot run here';
  if (version !== undefined) {
    const found = `${version}, which does not run`;
    const remedy = existsSync('/run/systemd/system') ? 'systemctl start libvirtd' : 'libvirtd -d';
    return { state: 'optional', name, found, without, remedy };
  }
  return {
    state: 'optional',
    name,
    found: 'not found',
    without,
    remedy: 'apt-get install libvirt-daemon-system qemu-system-x86 qemu-utils, and start libvirtd',
  };
}

/** Nothing where no machine can run anyway. */
async function checkQemu(): Promise<readonly Finding[]> {
  if (!hasLibvirt()) return [];
  const name = 'QEMU';
  const emulators = { x64: 'qemu-system-x86_64', arm64: 'qemu-system-aarch64' };
  const emulator = process.arch === 'arm64' ? emulators.arm64 : emulators.x64;
  const missing = [emulator, 'qemu-img'].filter((each) => findProgram(each) === undefined);
  if (missing.length === 0) {
    const version = /version (\S+)/.exec(await versionOf(emulator))?.[1] ?? emulator;
    return [{ state: 'ok', name, found: version }];
  }
  return [
    {
      state: 'optional',
      name,
      found: `no ${missing.join(' and no ')}`,
      without: 'virtual machines (kind VM) cannot run here',
      remedy: 'apt-get install qemu-system-x86 qemu-utils',
    },
  ];
}

/** The device alone says little: it may be there without the processor's help behind it. */
function checkKvm(): Finding {
  const flags = /^flags\s*:.*\b(vmx|svm)\b/m.test(read('/proc/cpuinfo'));
  const device = canOpen('/dev/kvm');
  if (device && flags) return { state: 'ok', name: 'KVM', found: '/dev/kvm' };
  const noDevice = existsSync('/dev/kvm') ? '/dev/kvm cannot be opened' : 'no /dev/kvm';
  const found = device ? '/dev/kvm, but the processor has no virtualisation' : noDevice;
  return {
    state: 'optional',
    name: 'KVM',
    found,
    without: 'virtual machines would be emulated, ten times slower',
    remedy: 'enable (nested) virtualisation, or use another machine',
  };
}

const volumeTools = {
  'mkfs.ext4': 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_growfs: 'xfsprogs',
  losetup: 'mount',
} as const;

function checkVolumeTools(): Finding {
  return checkTools('volume tools', volumeTools, 'Volumes that need them are not Ready');
}

const networkTools = { ip: 'iproute2', iptables: 'iptables', nsenter: 'util-linux' } as const;

function checkNetworkTools(): Finding {
  const without = 'processes with a network of their own and addresses of pools cannot run here';
  return checkTools('network tools', networkTools, without);
}

/** `tools`: programs, each with the package that has it. */
function checkTools(
  name: string,
  tools: Readonly<Record<string, string>>,
  without: string,
): Finding {
  const missing = Object.entries(tools).filter(([each]) => findProgram(each) === undefined);
  if (missing.length === 0) return { state: 'ok', name, found: Object.keys(tools).join(', ') };
  const packages = [...new Set(missing.map(([, each]) => each))].join(' ');
  return {
    state: 'optional',
    name,
    found: `no ${missing.map(([each]) => each).join(', ')}`,
    without,
    remedy: `apt-get install ${packages}`,
  };
}

async function versionOf(program: string): Promise<string> {
  const path = findProgram(program);
  return path === undefined ? '' : ((await run(path, ['--version'])) ?? '');
}
