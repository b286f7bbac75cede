/**
 * Two schedulers fight for the lease while the one that has it is killed, or put to sleep and woken when the other has
 * taken over: no core, GPU or port is ever given twice.
 */
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Lease, Node, Pod } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { leases, nodes, pods, priorityClasses } from '../../api/resources.gen.ts';
import { until } from '../e2e/until.ts';
import { adminToken, signal, startTestApi, type TestApi } from '../harness/apiserver.ts';
import { type Running, startCommand } from '../harness/run-command.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';

const name = 'two schedulers';
const rounds = soak ? 200 : 10;
// A soak runs beside others: who is short of processor time for two seconds would lose every lease at once.
const leaseMs = soak ? 6_000 : 2_000;
vi.setConfig({ testTimeout: soak ? 3_600_000 : 240_000, hookTimeout: 60_000 });

let fight: Fight | undefined;
afterEach(async () => {
  await fight?.stop();
  fight = undefined;
});

test(name, async () => {
  for (const seed of seedsOf(name)) {
    await withSeed(name, seed, async () => {
      fight = await Fight.start(new Dice(seed));
      for (let round = 0; round < rounds; round += 1) await fight.fight(round);
      expect(fight.bound).toBeGreaterThan(rounds);
      // Else nobody was ever overtaken.
      expect(fight.holders.size).toBeGreaterThan(rounds / 3);
      await fight.stop();
      fight = undefined;
    });
  }
});

const nodeNames = ['n1', 'n2'];

class Fight {
  /** Identities of those who held the lease. */
  readonly holders = new Set<string>();
  /** How many pods were seen to be bound. */
  bound = 0;
  readonly #api: TestApi;
  readonly #dice: Dice;
  readonly #schedulers = new Map<string, Running>();
  #started = 0;

  private constructor(api: TestApi, dice: Dice) {
    this.#api = api;
    this.#dice = dice;
  }

  static async start(dice: Dice): Promise<Fight> {
    const api = await startTestApi('etcd');
    const fighting = new Fight(api, dice);
    for (const each of nodeNames) await fighting.#addNode(each);
    const vip: KubeObject = {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'vip' },
    };
    await api.client.create(priorityClasses, { ...vip, value: 10 } as KubeObject, { signal });
    fighting.#startScheduler();
    fighting.#startScheduler();
    await fighting.#holder();
    return fighting;
  }

  /** One round; a failure says what was to be seen. */
  async fight(number: number): Promise<void> {
    try {
      await this.#round(number);
    } catch (error) {
      throw new Error(`round ${number}: ${error}\n${await this.#sight()}`, { cause: error });
    }
  }

  async #sight(): Promise<string> {
    const lease = await this.#lease();
    const { items } = await this.#api.client.list<Pod>(pods, { signal });
    const waiting = items
      .filter(({ spec }) => spec.nodeName === undefined)
      .map(({ metadata, status }) => [metadata.name, status?.conditions?.[0]?.message].join(': '));
    const said = [...this.#schedulers].map(([identity, running]) =>
      [identity, ...running.stdout().trim().split('\n').slice(-15), running.stderr()].join('\n'),
    );
    return [`lease ${JSON.stringify(lease?.spec)}`, ...waiting, ...said].join('\n');
  }

  async #round(number: number): Promise<void> {
    const dice = this.#dice;
    const before = await this.#holder();
    this.holders.add(before);
    const many = (from: number, vips: number) =>
      Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          this.#addPod(`p${number}-${from + i}`, { ...wishes(dice), vip: dice.chance(vips) }),
        ),
      );
    const created = many(0, 0.1);
    await new Promise((resolve) => setTimeout(resolve, dice.below(250)));
    const wakes = dice.chance(0.5);
    const victim = this.#schedulers.get(before);
    victim?.child.kill(wakes ? 'SIGSTOP' : 'SIGKILL');
    await created;
    // Who takes over has others to think of first, and decides otherwise than who was overtaken.
    await many(5, 0.8);
    await this.#addPod(`probe-${number}`, { cpu: '1m' });
    await until('the other one rules', async () => (await this.#holder()) !== before);
    if (wakes) victim?.child.kill('SIGCONT');
    else {
      await victim?.stop('SIGKILL');
      this.#schedulers.delete(before);
      this.#startScheduler();
    }
    await until('the other one binds', async () => {
      const { items } = await this.#api.client.list<Pod>(pods, { signal });
      checkDevices(items);
      return items.some(
        ({ metadata, spec }) => metadata.name === `probe-${number}` && spec.nodeName,
      );
    });
    await this.#clean();
  }

  async stop(): Promise<void> {
    for (const each of this.#schedulers.values()) {
      each.child.kill('SIGCONT');
      await each.stop('SIGKILL');
    }
    await this.#api.stop();
  }

  #startScheduler(): void {
    this.#started += 1;
    const identity = `scheduler-${this.#started}`;
    const script = join(import.meta.dirname, 'scheduler-process.ts');
    const ca = join(this.#api.directory, 'pki', 'ca.crt');
    const words = [
      '--import',
      'tsx',
      script,
      this.#api.url,
      ca,
      adminToken,
      identity,
      `${leaseMs}`,
    ];
    this.#schedulers.set(identity, startCommand(process.execPath, words));
  }

  /** The one of ours that has the lease. */
  async #holder(): Promise<string> {
    let holder = '';
    await until('somebody holds the lease', async () => {
      holder = (await this.#lease())?.spec?.holderIdentity ?? '';
      return this.#schedulers.has(holder);
    });
    return holder;
  }

  /** Undefined when it cannot be read. */
  #lease(): Promise<Lease | undefined> {
    const key = { namespace: 'kube-system', name: 'berth-scheduler' };
    return this.#api.client.get<Lease>(leases, key, { signal }).catch(() => undefined);
  }

  async #addNode(nodeName: string): Promise<void> {
    const annotations = { 'berth.dev/cores': '0-3', 'berth.dev/gpus': 'T4,T4' };
    const node: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: nodeName, annotations },
      spec: {},
    };
    await this.#api.client.create<Node>(nodes, node, { signal });
    // Only devices are scarce: a probe always fits, also while room is kept for others.
    const allocatable = { cpu: '64', memory: '8Gi', pods: '110' };
    const conditions = [{ type: 'Ready', status: 'True' }];
    const options = { signal, subresource: 'status' };
    const body = { status: { allocatable, conditions } };
    await this.#api.client.patch(nodes, { name: nodeName }, body, options);
  }

  /** Asks for devices that there are too few of, unless told otherwise. */
  async #addPod(podName: string, asked: Wishes): Promise<void> {
    const { hostPort, bound, vip, ...amounts } = asked;
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace: 'default',
        name: podName,
        ...(bound === true ? { annotations: { 'berth.dev/cpu-binding': 'Bound' } } : {}),
      },
      spec: {
        ...(vip === true ? { priorityClassName: 'vip' } : {}),
        containers: [
          {
            name: 'c',
            image: 'web',
            resources: { requests: { ...amounts }, limits: { ...amounts } },
            ...(hostPort === undefined ? {} : { ports: [{ containerPort: 80, hostPort }] }),
          },
        ],
      },
    };
    await this.#api.client.create<Pod>(pods, pod, { signal });
  }

  /** As agents would: what is to go is gone; and half of the others, to make room. */
  async #clean(): Promise<void> {
    const { items } = await this.#api.client.list<Pod>(pods, { signal });
    checkDevices(items);
    for (const { metadata, spec } of items) {
      if (spec.nodeName !== undefined) this.bound += 1;
      if (metadata.deletionTimestamp === undefined && this.#dice.chance(0.4)) continue;
      const key = { namespace: 'default', name: metadata.name ?? '' };
      const options = { signal, gracePeriodSeconds: 0 };
      await this.#api.client.delete(pods, key, options).catch(() => {}); // Gone by itself.
    }
  }
}

interface Wishes {
  readonly cpu: string;
  readonly 'berth.dev/gpu'?: string;
  readonly hostPort?: number;
  readonly bound?: boolean;
  readonly vip?: boolean;
}

function wishes(dice: Dice): Wishes {
  return dice.pick<Wishes>([
    { cpu: dice.pick(['500m', '1', '1500m']), bound: true },
    { cpu: '10m', hostPort: 8000 + dice.below(2) },
    { cpu: '10m', 'berth.dev/gpu': dice.pick(['250m', '600m', '1', '2']) },
  ]);
}

interface Allocation {
  readonly cpuBound?: { readonly cores: Readonly<Record<string, number>> };
  readonly gpu?: { readonly devices: readonly number[]; readonly milli: number };
  readonly hostPorts?: readonly { readonly port: number }[];
}

/** Also what is ending still holds what it has. */
function checkDevices(items: readonly Pod[]): void {
  const given = new Map<string, { pods: string[]; sum: number; most: number }>();
  const add = (pod: Pod, device: string, share: number, most: number) => {
    const key = `${pod.spec.nodeName} ${device}`;
    const known = given.get(key) ?? { pods: [], sum: 0, most };
    known.pods.push(pod.metadata.name ?? '');
    known.sum += share;
    given.set(key, known);
  };
  for (const pod of items) {
    if (pod.spec.nodeName === undefined) continue;
    const text = pod.metadata.annotations?.['berth.dev/allocation'] ?? '{}';
    const allocation = JSON.parse(text) as Allocation; // As the scheduler writes it.
    for (const [core, pieces] of Object.entries(allocation.cpuBound?.cores ?? {}))
      add(pod, `core ${core}`, pieces, 100);
    for (const device of allocation.gpu?.devices ?? [])
      add(pod, `gpu ${device}`, allocation.gpu?.milli ?? 0, 1000);
    for (const { port } of allocation.hostPorts ?? []) add(pod, `port ${port}`, 1, 1);
    // A pod that asked for devices has some.
    const resources = pod.spec.containers[0]?.resources?.requests ?? {};
    if (pod.metadata.annotations?.['berth.dev/cpu-binding'] === 'Bound')
      expect(Object.keys(allocation.cpuBound?.cores ?? {}), pod.metadata.name).not.toEqual([]);
    if (resources['berth.dev/gpu'] !== undefined)
      expect(allocation.gpu?.devices, pod.metadata.name).not.toEqual([]);
  }
  const twice = [...given].filter(([, { sum, most }]) => sum > most);
  expect(twice).toEqual([]);
}
