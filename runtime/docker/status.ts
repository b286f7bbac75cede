import type Docker from 'dockerode';
import type { ContainerState, ContainerStatus, InstanceStatus } from '../runtime.ts';
import { label } from './labels.ts';

/** One container of ours with its labels read. */
export interface Found {
  readonly labels: Readonly<Record<string, string>>;
  readonly containerName: string;
  readonly attempt: number;
  readonly sandbox: boolean;
  readonly info: Docker.ContainerInspectInfo;
}

/** `undefined` for containers that do not carry our labels, or are being removed. */
export function readFound(
  info: Docker.ContainerInspectInfo,
  labels: Readonly<Record<string, string>>,
): Found | undefined {
  if (labels[label.instance] === undefined || info.State.Status === 'removing') return undefined;
  return {
    labels,
    containerName: labels[label.container] ?? '',
    attempt: Number(labels[label.attempt] ?? 0),
    sandbox: labels[label.sandbox] === 'true',
    info,
  };
}

/** That memory was wanting the engine hears on another way than that a container has ended, and now and then a moment later. */
const memoryLateMs = 300;

/** How long it may still be wrong about why this one was killed; not more than 0: it is not. */
export function memoryDoubtMs(
  { State: state, HostConfig: { Memory: limit = 0 } }: Docker.ContainerInspectInfo,
  nowMs: number,
): number {
  const isKilled = state.Status === 'exited' && state.ExitCode === 137;
  if (!isKilled || state.OOMKilled || limit === 0) return 0;
  return Math.min(memoryLateMs, Date.parse(state.FinishedAt) + memoryLateMs - nowMs);
}

function readState({ State: state }: Docker.ContainerInspectInfo): ContainerState {
  const startedAtMs = Math.max(0, Date.parse(state.StartedAt));
  if (state.Running) {
    return { phase: 'running', startedAtMs, ...(state.Paused ? { paused: true } : {}) };
  }
  if (state.Status === 'created') return { phase: 'created' };
  return {
    phase: 'exited',
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    startedAtMs,
    // The engine may note the end of a very short process before its start.
    finishedAtMs: Math.max(startedAtMs, Date.parse(state.FinishedAt)),
    ...(state.Error === '' ? {} : { message: state.Error }),
  };
}

/** Newest attempt first. */
export function attemptsOf(found: readonly Found[], containerName: string): readonly Found[] {
  return found
    .filter((one) => !one.sandbox && one.containerName === containerName)
    .sort((a, b) => b.attempt - a.attempt);
}

/** All containers of one instance as one status. `found` must not be empty; `byCni` are its addresses by CNI. */
export function readInstance(
  id: string,
  found: readonly Found[],
  byCni: readonly string[] = [],
): InstanceStatus {
  const labels = found[0]?.labels ?? {};
  const names = [...new Set(found.filter((one) => !one.sandbox).map((one) => one.containerName))];
  return {
    id,
    namespace: labels[label.namespace] ?? '',
    name: labels[label.name] ?? '',
    ips: readIps(found, byCni),
    containers: names.flatMap((name) => readContainer(attemptsOf(found, name))),
  };
}

function readContainer([newest, before]: readonly Found[]): ContainerStatus[] {
  if (newest === undefined) return [];
  const { info } = newest;
  const ended = before === undefined ? undefined : readState(before.info);
  return [
    {
      name: newest.containerName,
      attempt: newest.attempt,
      containerId: `docker://${info.Id}`,
      image: info.Config.Image,
      imageId: `docker://${info.Image}`,
      state: readState(info),
      ...(before !== undefined && ended?.phase === 'exited'
        ? { previous: { ...ended, containerId: `docker://${before.info.Id}` } }
        : {}),
    },
  ];
}

function readIps(found: readonly Found[], byCni: readonly string[]): readonly string[] {
  const running = found.filter((one) => one.info.State.Running);
  const holder = running.find((one) => one.sandbox) ?? running[0];
  if (holder?.sandbox === true && byCni.length > 0) return byCni;
  const address = holder?.info.Config.Labels[label.address];
  if (address !== undefined) return [address];
  const networks = Object.values(holder?.info.NetworkSettings.Networks ?? {});
  return networks
    .flatMap((network) => [network.IPAddress, network.GlobalIPv6Address])
    .filter((ip) => ip !== undefined && ip !== '');
}
