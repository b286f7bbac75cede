/** Watches over nodes: marks those that have gone silent, and moves what may be moved. */
import type { Node, Pod, VM } from '../../api/kinds.gen.ts';
import { leases, nodes, pods, vms, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { createEventRecorder } from '../../client/events.ts';
import type { InformerEvent } from '../../client/informer.ts';
import { longLived } from '../../client/long-lived.ts';
import { underAny } from '../../lib/under-any.ts';
import type { ControllerDeps } from '../kit/controller.ts';
import { type AbsentTimes, collectPods } from './collect-pods.ts';
import {
  byNode,
  isSilent,
  type NodeLifecycleContext,
  type NodeLifecycleOptions,
  nameOf,
} from './context.ts';
import { evictPods, type TaintTimes } from './evict.ts';
import { Heartbeats } from './heartbeats.ts';
import { markMachines } from './machines.ts';
import { confirmSilence, listen, markNodes } from './mark-nodes.ts';
import { markPods } from './mark-pods.ts';
import { readinessOf } from './node-health.ts';
import { isWave } from './wave.ts';

const defaults: NodeLifecycleOptions = {
  graceMs: 40_000,
  intervalMs: 5_000,
  absentGraceMs: 40_000,
  defaultTolerationMs: 300_000,
};

/** After a change of a node, so that several make one pass. */
const settleMs = 100;

/** How soon to come back after something could not be written. */
const retryMs = 1_000;

/** Nodes that are told of a wave by an event. */
const waveEventsMax = 100;

/** Runs until the signal aborts. The informers must be started by the caller. */
export async function runNodeLifecycle(
  deps: ControllerDeps,
  options: Partial<NodeLifecycleOptions> = {},
): Promise<void> {
  longLived(deps.signal);
  const component = 'node-lifecycle-controller';
  const log = deps.log.child({ controller: component });
  const events = deps.events ?? createEventRecorder({ ...deps, log, component });
  const all = { ...defaults, ...options };
  try {
    await new NodeLifecycle({
      ...deps,
      log,
      events,
      options: all,
      // A pass that takes a little longer is no reason to doubt the clock.
      beats: new Heartbeats(2 * all.intervalMs),
    }).run();
  } finally {
    if (deps.events === undefined) await events.stop();
  }
}

class NodeLifecycle {
  readonly #ctx: NodeLifecycleContext;
  readonly #taints: TaintTimes = new Map();
  readonly #absent: AbsentTimes = new Map();
  #wave = false;
  /** Aborts the sleep between two passes. */
  #wake = new AbortController();

  constructor(ctx: NodeLifecycleContext) {
    this.#ctx = ctx;
    const { informers } = ctx;
    informers.index<Pod>(pods, byNode, ({ spec }) =>
      spec.nodeName === undefined ? [] : [spec.nodeName],
    );
    informers.index<VM>(vms, byNode, ({ spec }) =>
      spec.nodeName === undefined ? [] : [spec.nodeName],
    );
  }

  async run(): Promise<void> {
    const { informers, signal, clock } = this.#ctx;
    const changes = informers.for<Node>(nodes).events.subscribe((event) => this.#onNode(event));
    try {
      const needed = [nodes, pods, vms, leases, workloads];
      await Promise.all(needed.map((each) => informers.for(each).untilSynced({ signal })));
      while (!signal.aborted) {
        const waitMs = await this.#pass().catch((error) => this.#failed(error));
        const rest = (any: AbortSignal) => clock.sleep(waitMs, any);
        const woken = await underAny([signal, this.#wake.signal], rest).then(
          () => false,
          () => true,
        );
        if (woken && !signal.aborted) await clock.sleep(settleMs, signal).catch(() => {}); // The loop ends.
        this.#wake = new AbortController();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      changes.unsubscribe();
    }
  }

  /** One look at everything; returns when to look again. */
  async #pass(): Promise<number> {
    const ctx = this.#ctx;
    const { beats, informers, options } = ctx;
    const all = informers.for<Node>(nodes).list();
    listen(ctx, all);
    const suspects = all.filter((node) => isSilent(ctx, node) && readinessOf(node) !== 'Unknown');
    if (!(await confirmSilence(ctx, suspects))) {
      beats.startOver();
      return options.intervalMs;
    }
    const clean = [await markNodes(ctx, all)];
    const silent = all.filter((node) => isSilent(ctx, node));
    this.#judgeWave(all, silent);
    for (const node of silent) {
      clean.push(await markPods(ctx, node));
      clean.push(await markMachines(ctx, nameOf(node)));
    }
    const evicted = await evictPods(ctx, all, this.#taints, this.#wave);
    clean.push(evicted.clean);
    await collectPods(ctx, this.#absent);
    const waitMs = Math.min(evicted.nextMs, options.intervalMs);
    return clean.includes(false) ? Math.min(waitMs, retryMs) : Math.max(waitMs, settleMs);
  }

  /** Returns when to look again. */
  #failed(error: unknown): number {
    const { beats, signal, log, options } = this.#ctx;
    if (hasReason(error, 'InsufficientStorage')) {
      // Agents can write no beats: nobody is called silent before all had the time to do it again.
      beats.startOver();
      log.debug({ err: error }, 'the store is full: no node is called silent');
      return options.intervalMs;
    }
    if (!signal.aborted) log.warn({ err: error }, 'nodes not looked after, retrying');
    return retryMs;
  }

  #judgeWave(all: readonly Node[], silent: readonly Node[]): void {
    const { log, events } = this.#ctx;
    const disturbed = all.filter((node) => silent.includes(node) || readinessOf(node) !== 'True');
    const wave = isWave(all.length, disturbed.length);
    if (wave === this.#wave) return;
    this.#wave = wave;
    const counts = { nodes: all.length, notReady: disturbed.length };
    if (!wave) {
      log.info(counts, 'enough nodes are ready: evictions go on');
      return;
    }
    // Nodes that only start are no reason to call anybody.
    const level = silent.length > 0 ? 'error' : 'info';
    log[level](counts, 'too many nodes are not ready at once: nothing is evicted');
    const message =
      `${disturbed.length} of ${all.length} nodes are not ready: the control plane may be cut off, ` +
      'so no pod is moved elsewhere';
    for (const node of disturbed.slice(0, waveEventsMax)) {
      const type = 'Warning';
      events.recordEvent({ involvedObject: node, type, reason: 'EvictionsSuspended', message });
    }
  }

  #onNode(event: InformerEvent<Node>): void {
    if (event.type === 'init' || event.type === 'initDone') return;
    const { object } = event;
    if (event.type !== 'delete') this.#absent.delete(nameOf(object));
    const old = event.type === 'apply' ? event.old : undefined;
    if (old === undefined || saying(old) !== saying(object)) this.#wake.abort();
  }
}

/** What of a node calls for a look at once. */
function saying(node: Node): string {
  return JSON.stringify([readinessOf(node), node.spec.taints]);
}
