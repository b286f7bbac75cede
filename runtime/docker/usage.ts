import { stat } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { CallOptions } from '../../lib/call.ts';
import { readCgroup } from '../cgroup.ts';
import type { ContainerUsage, InstanceUsage } from '../usage.ts';
import { statusOf, toRuntimeError } from './errors.ts';
import { label } from './labels.ts';

/** How many containers are asked about at once. */
const concurrency = 32;

/** The parts of the engine's answer that are read; those of a container that has ended are missing. */
interface Stats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: {
    readonly usage?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
}

/** What these running containers use; sandboxes are left out, they only wait. */
export async function readUsage(
  docker: Docker,
  rows: readonly Docker.ContainerInfo[],
  { signal }: CallOptions,
): Promise<readonly InstanceUsage[]> {
  const wanted = rows.filter((row) => row.Labels[label.sandbox] !== 'true');
  const instances = new Map<string, InstanceUsage & { readonly containers: ContainerUsage[] }>();
  for (let at = 0; at < wanted.length; at += concurrency) {
    const batch = wanted.slice(at, at + concurrency);
    const usages = await Promise.all(batch.map((row) => readContainer(docker, row, signal)));
    for (const [index, { Labels }] of batch.entries()) {
      const usage = usages[index];
      if (usage === undefined) continue;
      const id = Labels[label.instance] ?? '';
      const known = instances.get(id);
      if (known !== undefined) known.containers.push(usage);
      else {
        const [namespace = '', name = ''] = [Labels[label.namespace], Labels[label.name]];
        instances.set(id, { id, namespace, name, containers: [usage] });
      }
    }
  }
  return [...instances.values()];
}

/** Where the engine puts a container: with its own driver, and with systemd's. */
const placesOf = (id: string) => [`docker/${id}`, `system.slice/docker-${id}.scope`];

/** `undefined` when it has ended meanwhile. */
async function readContainer(
  docker: Docker,
  { Id, Labels }: Docker.ContainerInfo,
  signal: AbortSignal,
): Promise<ContainerUsage | undefined> {
  const seen = { name: Labels[label.container] ?? '', containerId: `docker://${Id}` };
  // The engine's own answer comes with its next tick, up to a second later: too long for many.
  const direct = await readCgroup(placesOf(Id));
  if (direct !== undefined) return { ...seen, ...direct };
  // `one-shot` spares the engine a second look after a second; the typings do not know it.
  const options = { stream: false, 'one-shot': true, abortSignal: signal } as const;
  try {
    const stats: Stats = await docker.getContainer(Id).stats(options);
    const { usage, stats: detail = {} } = stats.memory_stats ?? {};
    const cpu = stats.cpu_stats?.cpu_usage?.total_usage;
    if (usage === undefined || cpu === undefined) return undefined;
    // The first name is that of cgroup v1.
    const inactive = detail['total_inactive_file'] ?? detail['inactive_file'] ?? 0;
    return {
      ...seen,
      cpuNanos: BigInt(cpu),
      workingSetBytes: BigInt(Math.max(0, usage - inactive)),
    };
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 409) return undefined;
    throw toRuntimeError(error);
  }
}

/** What the containers of one instance have written, all attempts that are kept together; rows with sizes. */
export async function readDiskUsage(
  docker: Docker,
  rows: readonly Docker.ContainerInfo[],
  { signal }: CallOptions,
): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  for (const row of rows) {
    if (row.Labels[label.sandbox] === 'true') continue;
    const name = row.Labels[label.container] ?? '';
    // Absent where nothing was written yet; the typings do not know it.
    const { SizeRw: layer = 0 } = row as { SizeRw?: number };
    const total = layer + (await logBytes(docker, row.Id, signal));
    bytes.set(name, (bytes.get(name) ?? 0) + total);
  }
  return bytes;
}

/** 0 where the engine keeps no file, or keeps it on another machine. */
async function logBytes(docker: Docker, id: string, signal: AbortSignal): Promise<number> {
  try {
    const { LogPath } = await docker.getContainer(id).inspect({ abortSignal: signal });
    return (await stat(LogPath)).size;
  } catch {
    signal.throwIfAborted();
    return 0;
  }
}
