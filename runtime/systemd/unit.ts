/** One of our units as systemd has it, and several of them as the status of an instance. */
import type { Adoptions } from '../adoptions.ts';
import type { ContainerState, ContainerStatus, InstanceId, InstanceStatus } from '../runtime.ts';
import type { UnitProperties } from './bus.ts';
import { decodeLabels, type UnitLabels } from './labels.ts';

export interface Unit {
  readonly name: string;
  readonly path: string;
  readonly labels: UnitLabels;
  readonly state: ContainerState;
  /** Processes other than its main one may still be there after its end. */
  readonly mainPid: number;
  /** Below the mount point of the control groups; empty when it has none any more. */
  readonly controlGroup: string;
  /** How it came to be `exited`: 200 and above are systemd's own, before the program ran. */
  readonly exitStatus: number;
  /** Somebody else wrote it. */
  readonly adopted: boolean;
}

/** `undefined` for units that are none of Berth's, or have gone. */
export function readUnit(
  path: string,
  properties: UnitProperties,
  { nodeId, adoptions }: { readonly nodeId: string; readonly adoptions: Adoptions },
): Unit | undefined {
  const name = properties.text('Id');
  const adoption = adoptions.find('systemd', name);
  const labels =
    adoption === undefined
      ? decodeLabels(properties.blobs('LogExtraFields'))
      : { ...adoption, node: nodeId, attempt: 0, image: '' };
  if (labels === undefined || properties.text('LoadState') === 'not-found') return undefined;
  const state = readState(properties);
  // After a reboot systemd knows of it, and it did not run in this life.
  if (adoption !== undefined && state.phase === 'created') return undefined;
  if (adoptions.isReleased('systemd', name)) return undefined;
  return {
    name,
    path,
    labels,
    state,
    adopted: adoption !== undefined,
    mainPid: properties.number('MainPID'),
    controlGroup: properties.text('ControlGroup'),
    exitStatus: properties.number('ExecMainStatus'),
  };
}

/** `CLD_EXITED` of waitid(2); any other code means a signal. */
const exitedByItself = 1;

function readState(properties: UnitProperties): ContainerState {
  const startedAtMs = millis(properties.bigint('ExecMainStartTimestamp'));
  if (properties.text('ActiveState') === 'activating') return { phase: 'created' };
  if (properties.number('MainPID') > 0) {
    // With cgroup v1 systemd does not know.
    const isFrozen = properties.text('FreezerState').startsWith('fr');
    return { phase: 'running', startedAtMs, ...(isFrozen ? { paused: true } : {}) };
  }
  const status = properties.number('ExecMainStatus');
  const code = properties.number('ExecMainCode');
  if (startedAtMs === 0 && code === 0) return { phase: 'created' };
  return {
    phase: 'exited',
    exitCode: code === exitedByItself || code === 0 ? status : 128 + status,
    // With cgroup v1 systemd does not learn of it.
    oomKilled: properties.text('Result') === 'oom-kill',
    startedAtMs,
    finishedAtMs: Math.max(startedAtMs, millis(properties.bigint('ExecMainExitTimestamp'))),
  };
}

function millis(micros: bigint): number {
  return Number(micros / 1_000n);
}

/** Newest attempt first. */
export function attemptsOf(units: readonly Unit[], container: string): readonly Unit[] {
  return units
    .filter(({ labels }) => labels.container === container)
    .sort((a, b) => b.labels.attempt - a.labels.attempt);
}

/** All units of one instance as one status; `units` must not be empty. */
export function readInstance(
  id: InstanceId,
  units: readonly Unit[],
  ips: readonly string[],
): InstanceStatus {
  const oldestFirst = [...units].sort((a, b) => startOf(a) - startOf(b));
  const names = [...new Set(oldestFirst.map(({ labels }) => labels.container))];
  return {
    id,
    namespace: units[0]?.labels.namespace ?? '',
    name: units[0]?.labels.name ?? '',
    ips,
    containers: names.flatMap((name) => readContainer(attemptsOf(units, name))),
  };
}

function startOf({ state }: Unit): number {
  return state.phase === 'created' ? Number.POSITIVE_INFINITY : state.startedAtMs;
}

function readContainer([newest, before]: readonly Unit[]): ContainerStatus[] {
  if (newest === undefined) return [];
  const { labels, state } = newest;
  return [
    {
      name: labels.container,
      attempt: labels.attempt,
      containerId: containerIdOf(newest.name),
      image: labels.image,
      imageId: labels.image === '' ? 'host' : `directory:${labels.image}`,
      state,
      ...(before?.state.phase === 'exited'
        ? { previous: { ...before.state, containerId: containerIdOf(before.name) } }
        : {}),
    },
  ];
}

const scheme = 'systemd://';

export function containerIdOf(unit: string): string {
  return scheme + unit;
}

export function unitOfContainerId(containerId: string): string {
  return containerId.startsWith(scheme) ? containerId.slice(scheme.length) : containerId;
}
