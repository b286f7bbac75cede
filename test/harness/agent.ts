/** An agent over a fake API and a fake engine, with a clock moved by hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAgent } from '../../agent/agent.ts';
import type { AgentOptions } from '../../agent/agent-options.ts';
import type { Container, Event, Pod, PodSpec } from '../../api/kinds.gen.ts';
import type { ObjectMeta } from '../../api/meta.ts';
import {
  configMaps,
  events,
  ipPools,
  ipReservations,
  leases,
  nodes,
  pods,
  secrets,
} from '../../api/resources.gen.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { FakeEngine, type FakeEngineOptions } from '../../runtime/fake/fake.ts';
import type { InstanceStatus } from '../../runtime/runtime.ts';
import { FakeApi } from './fake-api.ts';

const nodeName = 'node-1';
const patienceMs = 50_000;

export class AgentHarness {
  readonly clock = new FakeClock();
  readonly random = seededRandom(1);
  readonly api: FakeApi;
  readonly engine: FakeEngine;
  readonly dataDir: string;
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(dataDir: string, engine: Partial<FakeEngineOptions>) {
    const { clock, random } = this;
    this.dataDir = dataDir;
    const kinds = [pods, nodes, leases, events, configMaps, secrets, ipPools, ipReservations];
    this.api = new FakeApi({ clock, random, kinds });
    this.engine = new FakeEngine({ clock, images: ['app:1'], name: 'docker', ...engine });
  }

  static async make(engine: Partial<FakeEngineOptions> = {}): Promise<AgentHarness> {
    return new AgentHarness(await mkdtemp(join(tmpdir(), 'berth-agent-')), engine);
  }

  start(more: Partial<AgentOptions> = {}): void {
    const stop = new AbortController();
    const ended = runAgent({
      nodeName,
      client: this.api,
      runtimes: [this.engine.runtime(nodeName)],
      dataDir: this.dataDir,
      clock: this.clock,
      random: this.random,
      log: silentLog,
      signal: stop.signal,
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      ...more,
    });
    this.#running = { stop, ended };
  }

  /** The agent's, while it runs. */
  get signal(): AbortSignal {
    if (this.#running === undefined) throw new Error('the agent does not run');
    return this.#running.stop.signal;
  }

  /** Ends the agent; the engine goes on. */
  async stop(): Promise<void> {
    this.#running?.stop.abort(new Error('stopped by the test'));
    await this.#running?.ended;
    this.#running = undefined;
  }

  async clean(): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** A pod that is bound to the node. */
  async createPod(name: string, spec: Partial<PodSpec> = {}, metadata: ObjectMeta = {}) {
    const signal = new AbortController().signal;
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', ...metadata },
      spec: { nodeName, containers: [container('main')], ...spec },
    };
    return await this.api.create<Pod>(pods, pod, { signal });
  }

  async deletePod(name: string, gracePeriodSeconds?: number): Promise<void> {
    const options = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    const signal = new AbortController().signal;
    await this.api.delete(pods, { namespace: 'default', name }, { ...options, signal });
  }

  async annotate(name: string, annotations: Record<string, string | null>): Promise<void> {
    const signal = new AbortController().signal;
    const key = { namespace: 'default', name };
    await this.api.patch(pods, key, { metadata: { annotations } }, { signal });
  }

  pod(name: string): Pod | undefined {
    return this.api.peek<Pod>(pods, `default/${name}`);
  }

  /** Reasons of the events about a pod, with how often. */
  events(name: string): readonly string[] {
    return this.api
      .all<Event>(events)
      .filter((each) => each.involvedObject?.name === name)
      .map((each) => each.reason ?? '');
  }

  instance(uid: string | undefined): Promise<InstanceStatus | undefined> {
    const signal = new AbortController().signal;
    return this.engine.runtime(nodeName).get(uid ?? '', { signal });
  }

  /** Lets everything run until `probe` answers; fake time stands still. */
  async until<T>(probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      if (Date.now() > deadline) throw new Error(`waited too long for ${probe}`);
      await this.clock.advance(0);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** The pod once its status satisfies `is`. */
  untilPod(name: string, is: (pod: Pod) => boolean): Promise<Pod> {
    return this.until(() => {
      const pod = this.pod(name);
      return pod !== undefined && is(pod) ? pod : undefined;
    });
  }

  untilRunning(name: string): Promise<Pod> {
    return this.untilPod(name, (pod) => readyOf(pod) === 'True');
  }

  /** Lets everything that is under way come to rest. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i += 1) {
      await this.clock.advance(0);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

export function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: 'app:1', ...more };
}

export function readyOf(pod: Pod): string | undefined {
  return pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

export function waitingReason(pod: Pod, at = 0): string | undefined {
  return pod.status?.containerStatuses?.[at]?.state?.waiting?.reason;
}

/** Of the pod's first container. */
export function restartsOf(pod: Pod): number {
  return pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
}
