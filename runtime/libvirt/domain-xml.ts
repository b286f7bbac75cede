/** A machine as libvirt's domain. Pure. */

import type { MachineDisk, MachineInterface, MachineSpec } from '../machine.ts';
import {
  type ContainerSpec,
  type CpuChoice,
  type GpuDevice,
  type InstanceSpec,
  type ResourceLimits,
  RuntimeError,
} from '../runtime.ts';

/** Namespace of the element that says whose a domain is. */
export const labelNamespace = 'https://berth.dev/instance/1';

export interface DomainLabels {
  readonly node: string;
  readonly instance: string;
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly attempt: number;
  readonly image: string;
  readonly startedAtMs: number;
  /** Addresses known before it runs, separated by spaces. */
  readonly ips: string;
  /** What cannot be changed while it runs, as `fixedParts` says it. */
  readonly fixed: string;
  /** Present on what somebody else made: whether libvirt started it by itself before. */
  readonly adopted?: 'Autostarted' | 'Manual';
  /** With `adopted`: its uuid, which a copy of it does not have. */
  readonly domain?: string;
}

export interface Hypervisor {
  /** Whether the machine's processor does the work, found out by trying. */
  readonly kvm: boolean;
  /** Of the machine and of its guests: `x86_64`, `aarch64`. */
  readonly architecture: string;
  readonly emulator: string;
}

export interface DomainFiles {
  /** What the serial console prints is kept there. */
  readonly consoleLog: string;
}

/** Slots for devices that are added while it runs. */
const hotplugPorts = 8;

export function domainXml(
  uuid: string,
  name: string,
  labels: DomainLabels,
  { machine, cpus }: InstanceSpec & { readonly machine: MachineSpec },
  container: ContainerSpec,
  hypervisor: Hypervisor,
  files: DomainFiles,
): string {
  return element('domain', { type: hypervisor.kvm ? 'kvm' : 'qemu' }, [
    element('name', {}, name),
    element('uuid', {}, uuid),
    element('metadata', {}, [labelElement(labels, 'berth')]),
    ...memory(machine),
    ...processors(machine, hypervisor),
    ...tuning(machine, cpus, container.limits),
    operatingSystem(machine, hypervisor),
    element('features', {}, [element('acpi'), element('apic')]),
    element('clock', { offset: 'utc' }),
    element('on_poweroff', {}, 'destroy'),
    element('on_reboot', {}, 'restart'),
    element('on_crash', {}, 'destroy'),
    devices(machine, container.gpus ?? [], hypervisor, files),
  ]);
}

/** Without `prefix` as libvirt wants it where it adds one itself. */
export function labelElement(labels: DomainLabels, prefix = ''): string {
  const attributes = Object.entries(labels).map(([key, value]) => [key, String(value)] as const);
  const namespace = prefix === '' ? {} : { [`xmlns:${prefix}`]: labelNamespace };
  const name = prefix === '' ? 'instance' : `${prefix}:instance`;
  return element(name, { ...namespace, ...Object.fromEntries(attributes) });
}

/** Reads what `labelElement` wrote, in whatever order libvirt gives it back. */
export function readLabels(xml: string): DomainLabels {
  const read = (name: string) =>
    unescapeXml(
      new RegExp(`\\s${name}=(?:"([^"]*)"|'([^']*)')`).exec(xml)?.slice(1).join('') ?? '',
    );
  const adopted = read('adopted');
  const isAdopted = adopted === 'Autostarted' || adopted === 'Manual';
  return {
    ...(isAdopted ? { adopted, domain: read('domain') } : {}),
    node: read('node'),
    instance: read('instance'),
    namespace: read('namespace'),
    name: read('name'),
    container: read('container'),
    attempt: Number(read('attempt')),
    image: read('image'),
    startedAtMs: Number(read('startedAtMs')),
    ips: read('ips'),
    fixed: read('fixed'),
  };
}

function memory({ memoryBytes, memoryMaxBytes = memoryBytes, hugepageBytes }: MachineSpec) {
  return [
    element('memory', { unit: 'b' }, String(memoryMaxBytes)),
    element('currentMemory', { unit: 'b' }, String(memoryBytes)),
    ...(hugepageBytes === undefined
      ? []
      : [
          element('memoryBacking', {}, [
            element('hugepages', {}, [element('page', { size: String(hugepageBytes), unit: 'b' })]),
          ]),
        ]),
  ];
}

function processors(machine: MachineSpec, { kvm }: Hypervisor): string[] {
  const { cpus, cpusMax = cpus, cpuModel, topology } = machine;
  const model = cpuModel ?? (kvm ? 'host-passthrough' : 'qemu64');
  const places =
    topology === undefined
      ? []
      : [
          element('topology', {
            sockets: String(topology.sockets),
            cores: String(topology.cores),
            threads: String(topology.threads),
          }),
        ];
  const byMode = ['host-passthrough', 'host-model', 'maximum'].includes(model);
  return [
    element('vcpu', { placement: 'static', current: String(cpus) }, String(cpusMax)),
    byMode
      ? element('cpu', { mode: model }, places)
      : element('cpu', { mode: 'custom', match: 'exact', check: 'none' }, [
          element('model', { fallback: 'allow' }, model),
          ...places,
        ]),
  ];
}

/** Of each CPU: libvirt has no limit for the whole. */
export function cpuTuning(
  cpus: number,
  { cpuMilli, cpuRequestMilli }: ResourceLimits,
): { readonly shares?: number; readonly quotaMicros?: number } {
  return {
    ...(cpuRequestMilli === undefined
      ? {}
      : { shares: Math.max(2, Math.round((cpuRequestMilli * 1024) / 1000)) }),
    ...(cpuMilli === undefined
      ? {}
      : { quotaMicros: Math.round((cpuMilli * periodMicros) / 1000 / cpus) }),
  };
}

const periodMicros = 100_000;

function tuning(
  { cpus, cpusMax = cpus }: MachineSpec,
  choice: CpuChoice | undefined,
  limits: ResourceLimits,
): string[] {
  const { shares, quotaMicros } = cpuTuning(cpus, limits);
  const cores = choice === undefined || choice.isAll ? undefined : choice.cpus;
  const parts = [
    ...(shares === undefined ? [] : [element('shares', {}, String(shares))]),
    ...(quotaMicros === undefined
      ? []
      : [element('period', {}, String(periodMicros)), element('quota', {}, String(quotaMicros))]),
    ...(cores === undefined
      ? []
      : [
          ...Array.from({ length: cpusMax }, (_, vcpu) =>
            element('vcpupin', { vcpu: String(vcpu), cpuset: cores }),
          ),
          element('emulatorpin', { cpuset: cores }),
        ]),
  ];
  const { memoryNodes } = choice ?? {};
  return [
    ...(parts.length === 0 ? [] : [element('cputune', {}, parts)]),
    ...(memoryNodes === undefined
      ? []
      : [element('numatune', {}, [element('memory', { mode: 'strict', nodeset: memoryNodes })])]),
  ];
}

function operatingSystem({ boot }: MachineSpec, { architecture }: Hypervisor): string {
  const board = architecture === 'x86_64' ? 'q35' : 'virt';
  const type = element('type', { arch: architecture, machine: board }, 'hvm');
  if (boot.type === 'disk') return element('os', {}, [type, element('boot', { dev: 'hd' })]);
  return element('os', {}, [
    type,
    element('kernel', {}, boot.kernelPath),
    ...(boot.initrdPath === undefined ? [] : [element('initrd', {}, boot.initrdPath)]),
    element('cmdline', {}, boot.commandLine),
  ]);
}

function devices(
  machine: MachineSpec,
  gpus: readonly GpuDevice[],
  { emulator }: Hypervisor,
  files: DomainFiles,
): string {
  const { disks, interfaces, graphics = true } = machine;
  const ports = hotplugPorts + disks.length + interfaces.length + gpus.length;
  return element('devices', {}, [
    element('emulator', {}, emulator),
    element('controller', { type: 'pci', model: 'pcie-root' }),
    ...Array.from({ length: ports }, () =>
      element('controller', { type: 'pci', model: 'pcie-root-port' }),
    ),
    ...disks.map((disk, index) => diskXml(disk, diskTarget(index))),
    ...interfaces.map(interfaceXml),
    ...gpus.map(hostDevice),
    element('serial', { type: 'pty' }, [element('log', { file: files.consoleLog, append: 'on' })]),
    element('console', { type: 'pty' }, [element('target', { type: 'serial' })]),
    element('channel', { type: 'unix' }, [
      element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }),
    ]),
    ...(graphics
      ? [
          // In a directory of libvirt's, which the hypervisor may write to.
          element('graphics', { type: 'vnc' }, [element('listen', { type: 'socket' })]),
          element('video', {}, [element('model', { type: 'vga' })]),
        ]
      : []),
    element('memballoon', { model: 'virtio' }, [element('stats', { period: '5' })]),
    element('rng', { model: 'virtio' }, [element('backend', { model: 'random' }, '/dev/urandom')]),
  ]);
}

/** The card itself: libvirt takes it from the machine's driver while the guest runs, and gives it back. */
function hostDevice({ id, address = '' }: GpuDevice): string {
  const [, domain, bus, slot, part] =
    /^([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i.exec(address) ?? [];
  if (domain === undefined) {
    throw new RuntimeError('InvalidSpec', `GPU ${id} has no place on the PCI bus: "${address}"`);
  }
  const place = {
    domain: `0x${domain}`,
    bus: `0x${bus}`,
    slot: `0x${slot}`,
    function: `0x${part}`,
  };
  return element('hostdev', { mode: 'subsystem', type: 'pci', managed: 'yes' }, [
    element('source', {}, [element('address', place)]),
  ]);
}

/** `vda`, `vdb`, … `vdz`, `vdaa`. */
export function diskTarget(index: number): string {
  const letter = (at: number) => String.fromCharCode('a'.charCodeAt(0) + at);
  return index < 26
    ? `vd${letter(index)}`
    : `vd${letter(Math.floor(index / 26) - 1)}${letter(index % 26)}`;
}

export function diskXml(disk: MachineDisk, target: string, bus = 'virtio') {
  const { name, path, isDevice = false, format, readOnly, limits } = disk;
  const tune = Object.entries({
    read_bytes_sec: limits?.readBytesPerSecond,
    write_bytes_sec: limits?.writeBytesPerSecond,
    read_iops_sec: limits?.readIops,
    write_iops_sec: limits?.writeIops,
  }).flatMap(([key, value]) => (value === undefined ? [] : [element(key, {}, String(value))]));
  return element('disk', { type: isDevice ? 'block' : 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: format, cache: 'none', discard: discardOf(format) }),
    element('source', isDevice ? { dev: path } : { file: path }),
    element('target', { dev: target, bus }),
    element('serial', {}, name),
    ...(tune.length === 0 ? [] : [element('iotune', {}, tune)]),
    ...(readOnly ? [element('readonly')] : []),
  ]);
}

/** The blocks of a volume are its own, whether it holds something there or not. */
function discardOf(format: MachineDisk['format']): string {
  return format === 'raw' ? 'ignore' : 'unmap';
}

export function interfaceXml({ bridge, mac }: MachineInterface): string {
  return element('interface', { type: 'bridge' }, [
    element('mac', { address: mac }),
    element('source', { bridge }),
    element('model', { type: 'virtio' }),
  ]);
}

/** All disks that can be written, within themselves; with memory while it runs. */
export function snapshotXml(
  name: string,
  disks: readonly { readonly target: string; readonly readOnly: boolean }[],
  memory: boolean,
): string {
  return element('domainsnapshot', {}, [
    element('name', {}, name),
    element('memory', { snapshot: memory ? 'internal' : 'no' }),
    element(
      'disks',
      {},
      disks.map(({ target, readOnly }) =>
        element('disk', { name: target, snapshot: readOnly ? 'no' : 'internal' }),
      ),
    ),
  ]);
}

/** One disk, whole, into a file that is made. */
export function backupXml(target: string, path: string): string {
  const file = [element('driver', { type: 'qcow2' }), element('target', { file: path })];
  return element('domainbackup', {}, [
    element('disks', {}, [element('disk', { name: target, backup: 'yes', type: 'file' }, file)]),
  ]);
}

function element(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  content: string | readonly string[] = [],
): string {
  const inside = typeof content === 'string' ? escapeXml(content) : content.join('');
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  const open = `<${name}${list.join('')}`;
  return inside === '' ? `${open}/>` : `${open}>${inside}</${name}>`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;');
}

export function unescapeXml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
