/** A container's specification as the properties of a transient unit. Pure. */
import { Variant } from '@particle/dbus-next';
import { parseCpuList } from '../../lib/cpu-list.ts';
import type { ContainerSpec, CpuChoice, IoLimits } from '../runtime.ts';
import { encodeLabels, sliceName, type UnitLabels } from './labels.ts';

/** Name and value, as `StartTransientUnit` takes them. */
export type Property = readonly [string, Variant];

export interface Place {
  /** @default every processor */
  readonly cpus?: CpuChoice;
  /** A network namespace in the file system; absent = the machine's own. */
  readonly networkNamespace?: string;
  /** Shown as `/etc/resolv.conf`. @default the machine's */
  readonly resolvConf?: string;
  /** Shown as `/etc/hosts`. @default the machine's */
  readonly hostsFile?: string;
}

/** Searched by systemd where a command has no path, and the process's own `PATH`. */
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const cpuPeriodMicros = 100_000n;

export function unitProperties(
  labels: UnitLabels,
  container: ContainerSpec,
  place: Place,
): readonly Property[] {
  const { namespace, name } = labels;
  return [
    text('Description', `${namespace}/${name} ${container.name} (attempt ${labels.attempt})`),
    // The start has succeeded when the program was executed, not before.
    text('Type', 'exec'),
    // What ended stays to be asked about, until it is removed.
    flag('RemainAfterExit', true),
    ['Slice', new Variant('s', sliceName(labels.node, labels.instance))],
    [
      'LogExtraFields',
      new Variant(
        'aay',
        encodeLabels(labels).map((each) => Buffer.from(each)),
      ),
    ],
    text('SyslogIdentifier', container.name),
    ...process(container),
    ...rights(container),
    ...files(withOwnFiles(container, place)),
    ...limits(container),
    ...deviceLimits(container),
    ...devices(container),
    ...processors(place.cpus),
    ...(place.networkNamespace === undefined
      ? []
      : [text('NetworkNamespacePath', place.networkNamespace)]),
  ];
}

function process(container: ContainerSpec): readonly Property[] {
  const argv = [...(container.command ?? []), ...(container.args ?? [])];
  const environment = Object.entries({
    PATH: searchPath,
    ...container.env,
    ...gpuEnvironment(container),
  });
  const [user, group] = (container.user ?? '').split(':');
  return [
    // Not expanded by systemd: what stands in the manifest is what the process gets.
    ['ExecStartEx', new Variant('a(sasas)', [[argv[0], argv, ['no-env-expand']]])],
    [
      'Environment',
      new Variant(
        'as',
        environment.map(([key, value]) => `${key}=${value}`),
      ),
    ],
    ...(container.workingDir === undefined ? [] : [text('WorkingDirectory', container.workingDir)]),
    ...(user === undefined || user === '' ? [] : [text('User', user)]),
    ...(group === undefined ? [] : [text('Group', group)]),
    ...(container.groups === undefined
      ? []
      : [list('SupplementaryGroups', container.groups.map(String))]),
  ];
}

/** A program of the machine is told by what CUDA itself reads. */
function gpuEnvironment({ gpus = [] }: ContainerSpec): Readonly<Record<string, string>> {
  const ids = gpus.flatMap(({ vendor, id }) => (vendor === 'nvidia' ? [id] : []));
  if (ids.length === 0) return {};
  return { CUDA_VISIBLE_DEVICES: ids.join(','), NVIDIA_VISIBLE_DEVICES: ids.join(',') };
}

/** With devices of its own it reaches those, the ones that everybody has, and no others. */
function devices({ gpus = [], devices: own = [] }: ContainerSpec): readonly Property[] {
  const paths = [...new Set(gpus.flatMap((gpu) => gpu.paths))];
  const allowed = [
    ...paths.map((path) => [path, 'rw']),
    ...own.map(({ hostPath, readOnly }) => [hostPath, readOnly ? 'r' : 'rw']),
  ];
  if (allowed.length === 0) return [];
  return [
    text('DevicePolicy', 'closed'),
    ['DeviceAllow', new Variant('a(ss)', allowed)],
    // Else the place for the node would be made in the machine's own /dev.
    ...(own.some(({ containerPath }) => containerPath.startsWith('/dev/'))
      ? [flag('PrivateDevices', true)]
      : []),
  ];
}

function rights({ capabilities, noNewPrivileges }: ContainerSpec): readonly Property[] {
  const properties: Property[] = [];
  if (noNewPrivileges === true) properties.push(flag('NoNewPrivileges', true));
  if (capabilities !== undefined) {
    const bounding = boundingSet(capabilities);
    if (bounding !== undefined) {
      properties.push(['CapabilityBoundingSet', new Variant('t', bounding)]);
    }
  }
  return properties;
}

/** Of the instance, unless the container has its own. */
function withOwnFiles(container: ContainerSpec, place: Place): ContainerSpec {
  const { mounts } = container;
  const files = { '/etc/resolv.conf': place.resolvConf, '/etc/hosts': place.hostsFile };
  const added = Object.entries(files).flatMap(([containerPath, hostPath]) => {
    const isOwn = mounts.some((mount) => mount.containerPath === containerPath);
    return hostPath === undefined || isOwn ? [] : [{ hostPath, containerPath, readOnly: true }];
  });
  return { ...container, mounts: [...mounts, ...added] };
}

function files(container: ContainerSpec): readonly Property[] {
  const { image, mounts, readOnlyRootFilesystem, devices: own = [] } = container;
  // What may be done with a device its rights say, not its mount.
  const nodes = own.map((device) => ({ ...device, readOnly: false }));
  const binds = (readOnly: boolean) =>
    [...mounts, ...nodes]
      .filter((mount) => mount.readOnly === readOnly)
      // Source, target, ignore a missing source, with the mounts below it.
      .map(({ hostPath, containerPath }) => [hostPath, containerPath, false, recursive]);
  const properties: Property[] = [];
  // An empty list would take back what was given before.
  for (const [name, list] of [
    ['BindPaths', binds(false)],
    ['BindReadOnlyPaths', binds(true)],
  ] as const) {
    if (list.length > 0) properties.push([name, new Variant('a(ssbt)', list)]);
  }
  if (image !== '') {
    properties.push(text('RootDirectory', image), flag('MountAPIVFS', true));
  }
  if (readOnlyRootFilesystem) properties.push(list('ReadOnlyPaths', ['/']));
  return properties;
}

/** `MS_REC` of the kernel. */
const recursive = 16_384n;

function limits({ limits: { cpuMilli, cpuRequestMilli, memoryBytes } }: ContainerSpec) {
  const properties: Property[] = [
    flag('CPUAccounting', true),
    flag('MemoryAccounting', true),
    flag('TasksAccounting', true),
  ];
  if (cpuMilli !== undefined) {
    properties.push(
      ['CPUQuotaPerSecUSec', new Variant('t', BigInt(cpuMilli) * 1_000n)],
      ['CPUQuotaPeriodUSec', new Variant('t', cpuPeriodMicros)],
    );
  }
  if (cpuRequestMilli !== undefined) {
    properties.push(['CPUWeight', new Variant('t', cpuWeight(cpuRequestMilli))]);
  }
  if (memoryBytes !== undefined) {
    properties.push(
      ['MemoryMax', new Variant('t', memoryBytes)],
      ['MemorySwapMax', new Variant('t', 0n)],
    );
  }
  return properties;
}

function deviceLimits({ io = [] }: ContainerSpec): readonly Property[] {
  if (io.length === 0) return [];
  const fields: readonly (readonly [string, keyof IoLimits])[] = [
    ['IOReadIOPSMax', 'readIops'],
    ['IOWriteIOPSMax', 'writeIops'],
    ['IOReadBandwidthMax', 'readBytesPerSecond'],
    ['IOWriteBandwidthMax', 'writeBytesPerSecond'],
  ];
  const properties: Property[] = [flag('IOAccounting', true)];
  for (const [name, field] of fields) {
    const rates = io.flatMap(({ device, [field]: rate }) =>
      rate === undefined ? [] : [[device, BigInt(rate)]],
    );
    if (rates.length > 0) properties.push([name, new Variant('a(st)', rates)]);
  }
  return properties;
}

/** The process starts on them; with cgroup v2 its children cannot leave them either. */
function processors(choice: CpuChoice | undefined): readonly Property[] {
  if (choice === undefined || choice.isAll) return [];
  const { cpus, memoryNodes } = choice;
  const properties: Property[] = [
    ['CPUAffinity', new Variant('ay', bitmap(cpus))],
    ['AllowedCPUs', new Variant('ay', bitmap(cpus))],
  ];
  if (memoryNodes !== undefined) {
    properties.push(['AllowedMemoryNodes', new Variant('ay', bitmap(memoryNodes))]);
  }
  return properties;
}

/** Bit n of byte n / 8 stands for number n. */
export function bitmap(list: string): Buffer {
  const numbers = parseCpuList(list) ?? [];
  const bytes = Buffer.alloc(Math.floor(Math.max(0, ...numbers) / 8) + 1);
  for (const number of numbers) {
    const at = Math.floor(number / 8);
    bytes[at] = (bytes[at] ?? 0) | (1 << (number % 8));
  }
  return bytes;
}

/** A whole core weighs 100, systemd's default for a unit. */
export function cpuWeight(requestMilli: number): bigint {
  return BigInt(Math.min(10_000, Math.max(1, Math.round(requestMilli / 10))));
}

/** Capabilities by number. Source: linux/capability.h. */
const capabilityNames = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID'],
  ...['SETUID', 'SETPCAP', 'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN'],
  ...['NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE'],
  ...['SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME'],
  ...['SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP'],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ'],
  ...['PERFMON', 'BPF', 'CHECKPOINT_RESTORE'],
];
const everyCapability = (1n << BigInt(capabilityNames.length)) - 1n;

/** What is left of all capabilities; `undefined` when nothing is taken away. */
export function boundingSet({
  add,
  drop,
}: NonNullable<ContainerSpec['capabilities']>): bigint | undefined {
  if (drop.length === 0) return undefined;
  const bits = (names: readonly string[]) =>
    names.includes('ALL')
      ? everyCapability
      : names.reduce((set, name) => {
          const at = capabilityNames.indexOf(name);
          return at < 0 ? set : set | (1n << BigInt(at));
        }, 0n);
  return (everyCapability & ~bits(drop)) | bits(add);
}

function text(name: string, value: string): Property {
  return [name, new Variant('s', value)];
}

function flag(name: string, value: boolean): Property {
  return [name, new Variant('b', value)];
}

function list(name: string, values: readonly string[]): Property {
  return [name, new Variant('as', [...values])];
}
