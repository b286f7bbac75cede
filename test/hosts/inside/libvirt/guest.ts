/** A small guest on a real libvirtd, Debian's cloud kernel with busybox: as the contract leads it, and as tests ask it. */
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../../../lib/clock.ts';
import { silentLog } from '../../../../lib/log.ts';
import { ensureDisk } from '../../../../runtime/disk/disk-images.ts';
import { createLibvirtRuntime } from '../../../../runtime/libvirt/driver.ts';
import type { MachineControl, MachineSpec } from '../../../../runtime/machine.ts';
import type { InstanceSpec } from '../../../../runtime/runtime.ts';
import { type Life, mainOf, signal } from '../../../contract/instance/life.ts';
import type { InstanceHarness } from '../../../contract/instance.ts';
import { cpuMilliOf } from '../../../contract/kernel.ts';
import { until } from '../../../e2e/until.ts';
import { unitOutage } from '../unit-outage.ts';

export const run = promisify(execFile);
/** A reboot was seen to take 100 s where twenty programs wanted two cores. */
export const bootMs = 300_000;
export const ip = '10.99.0.101';
export const stateDir = '/var/lib/berth-test/machines';
/** Where the disks of tests lie. */
export const directory = `${stateDir}-disks`;

/** Each node keeps what it knows for itself. */
export const stateOf = (nodeId: string) => `${stateDir}/${nodeId}`;
export const open = (nodeId: string) => {
  const own = { nodeId, stateDir: stateOf(nodeId) };
  return createLibvirtRuntime({ ...own, clock: systemClock, log: silentLog });
};

const cpuMilli = 900;
export const data = {
  name: 'data',
  path: `${directory}/d.qcow2`,
  format: 'qcow2',
  readOnly: false,
} as const;

const commandLine = 'console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check hostname=vm';
/** As a VM says it. */
export const vmBoot = { kernel: '/lab/vmlinuz', initrd: '/lab/initrd.gz', commandLine };

export const machine: MachineSpec = {
  ...{ cpus: 1, cpusMax: 2, memoryBytes: 160n << 20n, memoryMaxBytes: 192n << 20n },
  graphics: false,
  boot: {
    type: 'kernel',
    ...{ kernelPath: vmBoot.kernel, initrdPath: vmBoot.initrd },
    commandLine: `${commandLine} ip=${ip}/24`,
  },
  disks: [data],
  interfaces: [{ bridge: 'br0', mac: '02:00:0a:63:00:65', ip }],
};

export const guest = (id: string, more: Partial<MachineSpec> = {}): InstanceSpec => ({
  ...{ id, namespace: 'test', name: 'vm', hostname: 'vm', network: 'bridge' },
  containers: [
    {
      ...{ name: 'vm', attempt: 0, image: '', env: {}, tty: false, stdin: false },
      ...{ privileged: false, readOnlyRootFilesystem: false, ports: [], mounts: [] },
      limits: { cpuMilli },
    },
  ],
  machine: { ...machine, ...more },
});

const sockets = ['libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket'];

export const libvirtHarness: InstanceHarness = {
  ...{ bootMs, container: 'vm', said: 'guest up', exitCode: 0, cpuMilli },
  gaps: ['tty', 'streams', 'containers', 'images'],
  refusals: [
    {
      gap: 'tty',
      ask: (runtime, spec) => {
        const containers = spec.containers.map((one) => ({ ...one, tty: true }));
        return runtime.ensure({ ...spec, containers }, { signal });
      },
      words: /^tty: .*use "berth console"/,
    },
    {
      gap: 'containers',
      ask: (runtime, { machine: _, ...pod }) => runtime.ensure(pod, { signal }),
      words: /^containers: .*say what you want in a VM/,
    },
    {
      gap: 'images',
      ask: (runtime) => runtime.removeImage('/lab/vmlinuz', { signal }),
      words: /"\/lab\/vmlinuz" is a file of this machine: not removed here/,
    },
  ],
  commands: {
    both: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 5'],
    ...{ cat: ['/bin/cat'], missing: ['/bin/absent'] },
    lasting: (mark) => ['/bin/sleep', String(mark)],
    counting: (mark) => ['/bin/sh', '-c', `ps -o args | grep -c '[s]leep ${mark}'`],
  },
  outage: unitOutage('libvirtd.service', sockets, { inStarts: true }),
  async prepare() {
    await rm(directory, { recursive: true, force: true });
    await ensureDisk({ path: data.path, sizeBytes: 32n << 20n }, { signal });
  },
  open,
  spec: (id) => guest(id),
  // One disk has one machine that writes.
  beside: (id) => guest(id, { disks: [] }),
  broken: (id) => guest(id, { disks: [{ ...data, path: '/berth/absent.qcow2' }] }),
  processOf: async (status) => {
    const name = `guest=berth_test_vm_${uuidOf(mainOf(status)).slice(0, 8)},`;
    return Number((await run('pgrep', ['-f', name])).stdout);
  },
  cpuMilliOf: async (status) => cpuMilliOf(await libvirtHarness.processOf(status)),
  kill: async (pid) => void process.kill(pid, 'SIGKILL'),
  async leftovers(nodeId) {
    const domains = (await run('virsh', ['list', '--all', '--name'])).stdout.trim();
    const notes = await readdir(stateOf(nodeId)).catch(() => []);
    return [...domains.split('\n').filter((name) => name !== ''), ...notes];
  },
};

function uuidOf({ containerId }: { readonly containerId: string }): string {
  return containerId.split('/')[2] ?? '';
}

/** What only a machine is asked, in few words. */
export class Guest {
  readonly life: Life;

  constructor(life: Life) {
    this.life = life;
  }

  get id(): string {
    return this.life.id;
  }

  get machines(): MachineControl {
    const { machines } = this.life.runtime;
    if (machines === undefined) throw new Error('the runtime has no machines');
    return machines;
  }

  /** As a new start where `attempt` is a new one. */
  async start(attempt: number): Promise<void> {
    await this.life.ensure(attempt);
    await this.life.untilUp();
  }

  /** What a line of shell prints in it. */
  async sh(line: string): Promise<string> {
    return (await this.life.exec(['/bin/sh', '-c', line])).out.trim();
  }

  async untilAnswers(): Promise<void> {
    await until('the agent answers', async () => (await this.sh('echo here')) === 'here', bootMs);
  }

  async virsh(command: string, ...rest: readonly string[]): Promise<string> {
    return (await run('virsh', [command, uuidOf(await this.life.main()), ...rest])).stdout;
  }

  async state() {
    return (await this.life.status()).machine?.state;
  }

  adjust(more: Partial<MachineSpec>) {
    const wanted = { machine: { ...machine, ...more }, limits: { cpuMilli } };
    return this.machines.adjust(this.id, wanted, { signal });
  }
}
