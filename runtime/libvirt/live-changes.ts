/** What must be done to a machine that runs so that it is what is asked for, and what waits for its next start. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { MachineDisk, MachineInterface, MachineSpec } from '../machine.ts';
import type { IoLimits, ResourceLimits } from '../runtime.ts';
import { cpuTuning, diskTarget } from './domain-xml.ts';
import type { LiveDisk, LiveInterface, LiveMachine } from './live-machine.ts';

export type LiveChange =
  | { readonly type: 'cpus'; readonly cpus: number }
  | { readonly type: 'cpuTime'; readonly shares?: number; readonly quotaMicros: number }
  | { readonly type: 'memory'; readonly memoryBytes: bigint }
  | { readonly type: 'limits'; readonly disk: string; readonly limits: IoLimits }
  | { readonly type: 'detachDisk'; readonly disk: LiveDisk }
  | { readonly type: 'attachDisk'; readonly disk: MachineDisk; readonly target: string }
  | { readonly type: 'detachInterface'; readonly interface: LiveInterface }
  | { readonly type: 'attachInterface'; readonly interface: MachineInterface };

export interface LivePlan {
  readonly changes: readonly LiveChange[];
  /** Fields that hold from the next start on. */
  readonly restart: readonly string[];
}

/** The disk of cloud-init, made anew at each start. */
const seedDisk = 'cidata';
/** Guests keep to what they are told only roughly. */
const memorySlackBytes = 1n << 20n;

/** `fixed` is what `fixedParts` said when it was started; empty when that is not known. */
export function planLiveChanges(
  have: LiveMachine,
  fixed: string,
  want: MachineSpec,
  limits: ResourceLimits | undefined,
): LivePlan {
  const restart = [...fixedFields(fixed, want)];
  const changes: LiveChange[] = [];
  const { cpus } = want;
  const cpusNow = cpus > have.cpus && cpus <= have.cpusMax ? cpus : have.cpus;
  if (cpusNow !== cpus) restart.push('spec.resources.requests.cpu');
  if (cpusNow !== have.cpus) changes.push({ type: 'cpus', cpus });
  if (limits !== undefined) changes.push(...cpuTimeChange(have, cpuTuning(cpusNow, limits)));
  if (want.memoryBytes > have.memoryMaxBytes) restart.push('spec.resources.requests.memory');
  else if (distance(want.memoryBytes, have.memoryBytes) > memorySlackBytes) {
    changes.push({ type: 'memory', memoryBytes: want.memoryBytes });
  }
  const disks = diskChanges(have, want.disks);
  return {
    changes: [...changes, ...disks.changes, ...interfaceChanges(have.interfaces, want.interfaces)],
    restart: [...restart, ...disks.restart],
  };
}

/** What VMs say of adopted machines too, and the rest is libvirt's to say. */
const adoptedFields = ['spec.cpu.max', 'spec.memory.max', 'spec.resources'];

/**
 * Of a machine that was adopted; `refused` are fields that it does not follow. The time of its CPUs is only
 * limited where its VM says so: it may have limits of its own.
 */
export function planAdopted(
  have: LiveMachine,
  fixed: string,
  machine: MachineSpec,
  limits: ResourceLimits | undefined,
): LivePlan & { readonly refused: readonly string[] } {
  const { cpuMilli } = limits ?? {};
  const own = cpuMilli === undefined ? undefined : { cpuMilli };
  const { changes, restart } = planLiveChanges(have, fixed, machine, own);
  const isFollowed = (field: string) => adoptedFields.some((each) => field.startsWith(each));
  return {
    changes,
    restart: restart.filter(isFollowed),
    refused: restart.filter((field) => !isFollowed(field)),
  };
}

/** What cannot be changed while it runs, by the field that says it; kept with the domain. */
export function fixedParts({ boot, cpuModel, topology, ...more }: MachineSpec): string {
  const { cpusMax, memoryMaxBytes, hugepageBytes, graphics = true } = more;
  return JSON.stringify({
    'spec.boot': boot,
    'spec.cpu.model': cpuModel ?? null,
    'spec.cpu.sockets': topology ?? null,
    'spec.cpu.max': cpusMax ?? null,
    'spec.memory.max': String(memoryMaxBytes),
    'spec.memory.hugepages': String(hugepageBytes),
    'spec.graphics': graphics,
  });
}

function fixedFields(fixed: string, want: MachineSpec): readonly string[] {
  if (fixed === '') return [];
  // Both are written by `fixedParts`.
  const before = JSON.parse(fixed) as Record<string, unknown>;
  const after = JSON.parse(fixedParts(want)) as Record<string, unknown>;
  return Object.keys(after).filter((field) => !isDeepStrictEqual(before[field], after[field]));
}

function cpuTimeChange(
  { shares, quotaMicros }: LiveMachine,
  wanted: ReturnType<typeof cpuTuning>,
): readonly LiveChange[] {
  const sameShares = wanted.shares === undefined || wanted.shares === shares;
  if (sameShares && wanted.quotaMicros === quotaMicros) return [];
  const change = { type: 'cpuTime', quotaMicros: wanted.quotaMicros ?? -1 } as const;
  return [sameShares ? change : { ...change, shares: wanted.shares ?? 0 }];
}

function diskChanges(
  { disks: have, targets: taken }: LiveMachine,
  wanted: readonly MachineDisk[],
): LivePlan {
  const want = wanted.filter(({ name }) => name !== seedDisk);
  const changes: LiveChange[] = [];
  const restart: string[] = [];
  for (const disk of have) {
    const stays = disk.name === seedDisk || want.some(({ name }) => name === disk.name);
    if (!stays) changes.push({ type: 'detachDisk', disk });
  }
  const targets = new Set(taken);
  for (const disk of want) {
    const old = have.find(({ name }) => name === disk.name);
    if (old === undefined) {
      const target = freeTarget(targets);
      targets.add(target);
      changes.push({ type: 'attachDisk', disk, target });
    } else if (old.path !== disk.path || old.readOnly !== disk.readOnly) {
      restart.push(`spec.disks[${disk.name}]`);
    } else if (!isDeepStrictEqual(old.limits, disk.limits ?? {})) {
      changes.push({ type: 'limits', disk: old.target, limits: disk.limits ?? {} });
    }
  }
  return { changes, restart };
}

function freeTarget(taken: ReadonlySet<string>): string {
  for (let index = 0; ; index += 1) if (!taken.has(diskTarget(index))) return diskTarget(index);
}

function interfaceChanges(
  have: readonly LiveInterface[],
  want: readonly MachineInterface[],
): readonly LiveChange[] {
  const same = (a: LiveInterface, b: LiveInterface) => a.mac === b.mac && a.bridge === b.bridge;
  const gone = have.filter((each) => !want.some((other) => same(each, other)));
  const come = want.filter((each) => !have.some((other) => same(each, other)));
  return [
    ...gone.map((each) => ({ type: 'detachInterface', interface: each }) as const),
    ...come.map((each) => ({ type: 'attachInterface', interface: each }) as const),
  ];
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}
