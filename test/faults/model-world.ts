/** A whole cluster in this process: real apiserver, controllers, scheduler and agents over fake engines. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAgent } from '../../agent/agent.ts';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { nodes, pods, workloads } from '../../api/resources.gen.ts';
import { type ApiServer, openPki, startApiServer } from '../../apiserver/index.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/rest-client.ts';
import type { Transport, TransportRequest } from '../../client/transport.ts';
import { runControllers } from '../../controllers/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';
import { openStore, type Store } from '../../store/index.ts';
import { makeTokenKeys } from '../harness/token-keys.ts';
import { FaultyRuntime } from './faulty-runtime.ts';
import type { Dice } from './runs.ts';
import { VirtualClock } from './virtual-clock.ts';

export const never = { signal: new AbortController().signal };
export const modelImage = 'app:1';

/** One life of one component; what it does after it was killed reaches nobody. */
interface Life {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** Like `kill -9`: calls under way never come back. */
  dead: boolean;
}

export interface WorldNode {
  readonly name: string;
  readonly engine: FakeEngine;
  readonly dataDir: string;
  life: Life | undefined;
  runtime: FaultyRuntime | undefined;
}

export interface Write {
  readonly user: string;
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
}

export class World {
  readonly clock: VirtualClock;
  readonly client: Client;
  readonly nodes: readonly WorldNode[];
  /** Every request that may change something, until somebody empties it. */
  writes: Write[] = [];
  /** Before a component's write is sent. */
  onWrite: (write: Write) => void = () => {};
  /** Each pod and workload as it changes, at the moment when everybody hears of it. */
  onChange: (object: KubeObject) => void = () => {};
  onGone: (object: KubeObject) => void = () => {};
  readonly #watching = new AbortController();
  readonly #api: ApiServer;
  readonly #store: Store;
  readonly #directory: string;
  readonly #dice: Dice;
  #controllers: Life | undefined;
  #scheduler: Life | undefined;
  #lives = 0;

  private constructor(
    parts: { clock: VirtualClock; api: ApiServer; store: Store; directory: string },
    dice: Dice,
    nodeCount: number,
  ) {
    this.clock = parts.clock;
    this.#api = parts.api;
    this.#store = parts.store;
    this.#directory = parts.directory;
    this.#dice = dice;
    const admin = { name: 'admin', groups: ['system:masters'] };
    this.client = createClient(parts.api.transport(admin), {
      userAgent: 'model',
      clock: this.clock,
    });
    this.nodes = Array.from({ length: nodeCount }, (_, i) => ({
      name: `n${i}`,
      engine: new FakeEngine({ clock: this.clock, images: [modelImage], name: 'docker' }),
      dataDir: join(parts.directory, `n${i}`),
      life: undefined,
      runtime: undefined,
    }));
  }

  static async make(dice: Dice, nodeCount: number): Promise<World> {
    // Memory for a disk, where there is one: a store writes through with each change.
    const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const directory = await mkdtemp(join(base, 'berth-model-'));
    const clock = new VirtualClock();
    const store = counted(await openStore(`embedded:${directory}/store`), clock);
    const pki = await openPki(join(directory, 'pki'), systemClock);
    const starting = startApiServer({
      store,
      clock,
      random: dice.random,
      log: silentLog,
      ca: pki.ca,
      serving: await pki.leaf('apiserver', { commonName: 'api', hosts: ['127.0.0.1'] }),
      agentClient: await pki.leaf('agent-client', { commonName: 'berth-apiserver' }),
      tokens: [],
      tokenKeys: makeTokenKeys(),
      // Five minutes are long here; the controller's own default is shorter.
      disabledAdmission: ['ServiceAccount', 'DefaultTolerationSeconds'],
      port: 0,
      version: { major: '1', minor: '36', gitVersion: 'v1.36.0+berth' },
    });
    const api = await clock.during(starting);
    const world = new World({ clock, api, store, directory }, dice, nodeCount);
    void world.#follow<Pod>(pods);
    void world.#follow<Workload>(workloads);
    world.startControllers();
    world.startScheduler();
    for (const node of world.nodes) world.startAgent(node);
    await clock.advance(5_000);
    return world;
  }

  startControllers(): void {
    this.#controllers = this.#live('system:berth:controllers', (client, signal, identity) =>
      runControllers({
        ...this.#common(client, signal, identity),
        nodeLifecycle: { defaultTolerationMs: 30_000 },
      }),
    );
  }

  startScheduler(): void {
    this.#scheduler = this.#live('system:berth:scheduler', (client, signal, identity) =>
      runScheduler(this.#common(client, signal, identity)),
    );
  }

  /** Loses all that it remembered; the next one starts at once. */
  restartControllers(): void {
    kill(this.#controllers);
    this.startControllers();
  }

  restartScheduler(): void {
    kill(this.#scheduler);
    this.startScheduler();
  }

  startAgent(node: WorldNode): void {
    if (node.life !== undefined) return;
    const runtime = new FaultyRuntime(node.engine.runtime(node.name));
    node.runtime = runtime;
    node.life = this.#live(`system:node:${node.name}`, (client, signal) =>
      runAgent({
        ...this.#common(client, signal, node.name),
        nodeName: node.name,
        runtimes: [runtime],
        dataDir: node.dataDir,
        addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      }),
    );
  }

  /** `kill -9` of the agent; its containers go on. */
  killAgent(node: WorldNode): void {
    kill(node.life);
    if (node.runtime !== undefined) node.runtime.dead = true;
    node.life = undefined;
  }

  /** The machine loses power: nothing of it runs any more. */
  async losePower(node: WorldNode): Promise<void> {
    this.killAgent(node);
    for (const { id, containers } of node.engine.instances.values()) {
      for (const name of containers.keys()) await node.engine.exit(id, name, 137);
    }
  }

  async list<T extends KubeObject>(resource: Resource): Promise<readonly T[]> {
    return (await this.client.list<T>(resource, { ...never })).items;
  }

  pods = () => this.list<Pod>(pods);
  workloads = () => this.list<Workload>(workloads);
  nodeObjects = () => this.list<Node>(nodes);

  async remove(): Promise<void> {
    this.clock.onRest = () => {};
    this.#watching.abort();
    for (const life of [this.#controllers, this.#scheduler, ...this.nodes.map((n) => n.life)]) {
      life?.stop.abort(new Error('the world ends'));
    }
    await this.clock.advance(10);
    await this.#api.stop();
    await this.#store.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Until the world ends; begins anew when the server ends a watch in its time. */
  async #follow<T extends KubeObject>(resource: Resource): Promise<void> {
    const { signal } = this.#watching;
    while (!signal.aborted) {
      try {
        const { items, resourceVersion } = await this.client.list<T>(resource, { signal });
        for (const object of items) this.onChange(object);
        for await (const event of this.client.watch<T>(resource, { resourceVersion, signal })) {
          if (event.type === 'DELETED') this.onGone(event.object);
          else if (event.type !== 'BOOKMARK') this.onChange(event.object);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  #common(client: Client, signal: AbortSignal, identity: string) {
    const { clock } = this;
    return { client, clock, random: this.#dice.random, log: silentLog, signal, identity };
  }

  #live(
    user: string,
    run: (client: Client, signal: AbortSignal, identity: string) => Promise<void>,
  ): Life {
    const life: Life = { stop: new AbortController(), ended: Promise.resolve(), dead: false };
    this.#lives += 1;
    const groups = user.startsWith('system:node:') ? ['system:nodes'] : ['system:masters'];
    const transport = this.#api.transport({
      name: user,
      groups: [...groups, 'system:authenticated'],
    });
    const client = createClient(this.#watched(transport, user, life), {
      userAgent: user.replaceAll(':', '-'),
      clock: this.clock,
    });
    const ended = run(client, life.stop.signal, `${user}_${this.#lives}`);
    // One that was killed may end as it likes; any other end shows in the invariants.
    ended.catch(() => undefined);
    return Object.assign(life, { ended });
  }

  #watched(transport: Transport, user: string, life: Life): Transport {
    return async (request: TransportRequest) => {
      if (life.dead) return new Promise(() => {});
      if (request.method !== 'GET') {
        const { method, path } = request;
        const write = { user, method, path, atMs: this.clock.now() };
        this.writes.push(write);
        this.onWrite(write);
      }
      const answer = await transport(request);
      // What was done is done, but nobody hears of it.
      return life.dead ? new Promise(() => {}) : answer;
    };
  }
}

function kill(life: Life | undefined): void {
  if (life === undefined) return;
  life.dead = true;
  life.stop.abort(new Error('killed'));
}

/** Time stands while the store works on something. */
function counted(store: Store, clock: VirtualClock): Store {
  const waited = new Set(['get', 'list', 'txn', 'revision', 'compact']);
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => unknown;
      if (!waited.has(String(name))) return method;
      return async (...args: unknown[]) => {
        clock.busy += 1;
        try {
          return await method(...args);
        } finally {
          clock.busy -= 1;
        }
      };
    },
  });
}
