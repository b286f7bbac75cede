/** What must hold in a cluster: some of it always, all of it once everything has come to rest. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import type { World, Write } from './model-world.ts';

/** Within one minute of virtual time; a reconciler that goes round in circles makes thousands. */
const writesPerObjectMax = 120;
/** While nothing happens; a heartbeat of a node is no news of a pod. */
const idleWritesPerObjectMax = 1;
/** First at once, then after 10 s, 20 s, 40 s …: within five minutes. */
const startsMax = 7;
const startsWindowMs = 300_000;

/** Watches over a world from its first moment; `broken` is what went wrong so far. */
export class Invariants {
  readonly broken: string[] = [];
  readonly #world: World;
  /** Containers started, by instance and container. */
  readonly #starts = new Map<string, { readonly ids: Set<string>; times: number[] }>();

  constructor(world: World) {
    this.#world = world;
    world.clock.onRest = () => this.#always();
  }

  /** Stable names, and instances, run once at any moment; restarts keep to their back-off. */
  #always(): void {
    const running = new Map<string, string>();
    for (const node of this.#world.nodes) {
      for (const { id, namespace, name, containers } of node.engine.instances.values()) {
        const newest = [...containers.values()].map((attempts) => attempts.at(-1));
        if (newest.some((one) => one?.state.phase === 'running')) {
          // Names of both identities are unique in a cluster; a second holder is a second writer.
          const key = `${namespace}/${name}`;
          const other = running.get(key);
          if (other !== undefined) this.#say(`${key} runs twice: ${other}, ${id} on ${node.name}`);
          running.set(key, `${id} on ${node.name}`);
        }
        for (const one of newest) {
          if (one !== undefined) this.#started(`${id}/${one.spec.name}`, one.containerId);
        }
      }
    }
  }

  #started(key: string, containerId: string): void {
    const known = this.#starts.get(key) ?? { ids: new Set<string>(), times: [] };
    this.#starts.set(key, known);
    if (known.ids.has(containerId)) return;
    const nowMs = this.#world.clock.now();
    known.ids.add(containerId);
    known.times = [...known.times.filter((ms) => ms > nowMs - startsWindowMs), nowMs];
    if (known.times.length > startsMax) this.#say(`${key} was started ${known.times.length} times`);
  }

  /** Nobody writes one object over and over. */
  checkWrites(sinceMs: number, idle: boolean): void {
    const minutes = Math.max(1, (this.#world.clock.now() - sinceMs) / 60_000);
    const most = idle ? idleWritesPerObjectMax : writesPerObjectMax * minutes;
    const counts = new Map<string, number>();
    for (const write of this.#world.writes) {
      const path = objectOf(write);
      if (path !== undefined) counts.set(path, (counts.get(path) ?? 0) + 1);
    }
    for (const [path, count] of counts) {
      if (count > most) this.#say(`hot loop: ${count} writes of ${path} in ${minutes} min`);
    }
    this.#world.writes = [];
  }

  /** What is not yet as it is wanted; empty when the cluster is at rest. */
  async differences(): Promise<readonly string[]> {
    const [workloads, pods] = await Promise.all([this.#world.workloads(), this.#world.pods()]);
    return [
      ...workloads.flatMap((workload) => differencesOf(workload, pods)),
      ...pods.flatMap((pod) => this.#podDifferences(pod, workloads)),
      ...this.#leftOver(pods),
    ];
  }

  #podDifferences(pod: Pod, workloads: readonly Workload[]): readonly string[] {
    const key = keyOf(pod);
    const owner = pod.metadata.ownerReferences?.[0]?.uid;
    if (!workloads.some(({ metadata }) => metadata.uid === owner)) return [`${key} has no owner`];
    const node = this.#world.nodes.find(({ name }) => name === pod.spec.nodeName);
    if (node === undefined) return isStopped(pod) ? [] : [`${key} has no node`];
    const instance = [...node.engine.instances.values()].find(({ id }) => id === pod.metadata.uid);
    const runs = instance?.containers.get('main')?.at(-1)?.state.phase === 'running';
    if (runs === isStopped(pod)) return [`${key} ${runs ? 'still runs' : 'does not run'}`];
    return [];
  }

  #leftOver(pods: readonly Pod[]): readonly string[] {
    const bound = new Map(pods.map((pod) => [pod.metadata.uid, pod.spec.nodeName]));
    return this.#world.nodes.flatMap(({ name, engine }) =>
      [...engine.instances.values()]
        .filter(({ id }) => bound.get(id) !== name)
        .map((one) => `${one.name} (${one.id}) is left over on ${name}`),
    );
  }

  #say(what: string): void {
    if (this.broken.length < 20 && !this.broken.includes(what)) this.broken.push(what);
  }
}

function differencesOf({ metadata, spec, status }: Workload, pods: readonly Pod[]): string[] {
  const name = metadata.name ?? '';
  if (metadata.deletionTimestamp !== undefined) return [`${name} is still being deleted`];
  const own = pods.filter(({ metadata: { ownerReferences } }) =>
    ownerReferences?.some(({ uid }) => uid === metadata.uid),
  );
  const wanted = spec.replicas ?? 1;
  const found: string[] = [];
  const running = spec.running !== false;
  if (own.length !== wanted) found.push(`${name} has ${own.length} pods, not ${wanted}`);
  if (running && own.some((pod) => !isReady(pod))) found.push(`${name} has pods not ready`);
  const ready = running ? wanted : 0;
  if ((status?.readyReplicas ?? 0) !== ready) {
    found.push(`${name} says ${status?.readyReplicas} are ready, not ${ready}`);
  }
  if (running && (status?.updatedReplicas ?? 0) !== wanted) {
    found.push(`${name} says ${status?.updatedReplicas} are up to date, not ${wanted}`);
  }
  const rolled = spec.template.metadata?.annotations?.['roll'];
  if (running && own.some((pod) => pod.metadata.annotations?.['roll'] !== rolled)) {
    found.push(`${name} has pods of an older template`);
  }
  return found;
}

export function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return ready && metadata.deletionTimestamp === undefined;
}

function isStopped({ metadata }: Pod): boolean {
  return metadata.annotations?.['berth.dev/running'] === 'false';
}

/** The path of a workload or pod that is written; leases, nodes and events beat by themselves. */
function objectOf({ path }: Write): string | undefined {
  return /\/(workloads|pods)\/[^/?]+/.exec(path)?.[0];
}
