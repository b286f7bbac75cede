import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Node, Pod, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import { silentLog } from '../../lib/log.ts';
import { estimates } from '../preemption/estimate.ts';
import { preempt } from '../preemption/preempt.ts';
import { compareVictims } from '../preemption/rank.ts';
import { VictimIndex } from '../preemption/victim-index.ts';
import { Cluster } from './cluster.ts';
import { Occupants } from './occupants.ts';

const nodeNames = ['n1', 'n2', 'n3'];

/** One thing that happens; numbers choose which instance or budget. */
const steps = fc.oneof(
  fc.record({
    type: fc.constant('pod' as const),
    uid: fc.integer({ min: 0, max: 9 }),
    node: fc.constantFrom(...nodeNames),
    cpu: fc.integer({ min: 1, max: 3 }),
    priority: fc.integer({ min: 0, max: 3 }),
    app: fc.constantFrom('a', 'b'),
    leaves: fc.constantFrom(false, false, true),
  }),
  fc.record({
    type: fc.constantFrom('gone' as const, 'condemn' as const, 'pardon' as const),
    uid: fc.integer({ min: 0, max: 9 }),
  }),
  fc.record({
    type: fc.constant('node' as const),
    node: fc.constantFrom(...nodeNames),
    cpu: fc.integer({ min: 0, max: 6 }),
    cordoned: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('budget' as const),
    app: fc.constantFrom('a', 'b'),
    allowed: fc.integer({ min: -1, max: 2 }),
  }),
);

type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

function podOf(step: Step & { readonly type: 'pod' }): Pod {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: step.cpu } } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'default',
      name: `p${step.uid}`,
      uid: `p${step.uid}`,
      labels: { app: step.app },
      ...(step.leaves ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { containers, nodeName: step.node, priority: step.priority },
  };
}

function nodeOf({ node, cpu, cordoned }: Step & { readonly type: 'node' }): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node },
    spec: { unschedulable: cordoned },
    status: {
      allocatable: { cpu, pods: '10' },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

function budgetOf({ app, allowed }: Step & { readonly type: 'budget' }): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: 'default', name: app },
    spec: { selector: { matchLabels: { app } } },
    status: {
      disruptionsAllowed: allowed,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    },
  };
}

class World {
  readonly cluster = new Cluster(silentLog);
  readonly occupants = new Occupants();
  readonly #pods = new Map<number, Pod>();

  carryOut(step: Step): void {
    switch (step.type) {
      case 'pod': {
        const pod = podOf(step);
        // A pod never changes its node: it is another one.
        this.#forget(step.uid);
        this.#pods.set(step.uid, pod);
        this.cluster.applyPod(pod);
        this.occupants.apply(pod);
        break;
      }
      case 'gone':
        this.#forget(step.uid);
        break;
      case 'condemn':
        this.occupants.condemn(`p${step.uid}`);
        break;
      case 'pardon':
        this.occupants.pardon(`p${step.uid}`);
        break;
      case 'node':
        if (step.cpu === 0) this.cluster.deleteNode(nodeOf(step));
        else this.cluster.applyNode(nodeOf(step));
        break;
      case 'budget':
        if (step.allowed < 0) this.occupants.deleteBudget(budgetOf(step));
        else this.occupants.applyBudget(budgetOf(step));
        break;
    }
  }

  #forget(uid: number): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    this.cluster.deletePod(pod);
    this.occupants.delete(pod.metadata.uid ?? '');
  }
}

it('knows after any changes what all nodes, looked at anew, would say', () => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 5, maxLength: 60 }), (given) => {
      const world = new World();
      const { cluster, occupants } = world;
      const { snapshot } = cluster;
      const asked = cluster.requestOf(
        podOf({ type: 'pod', uid: 99, node: '', cpu: 4, priority: 2, app: 'a', leaves: false }),
      );
      const index = new VictimIndex(snapshot, asked, occupants.changes);
      for (const [i, step] of given.entries()) {
        world.carryOut(step);
        if (i % 3 !== 0) continue;
        const options = {
          priority: 2,
          occupantOf: (uid: string) => occupants.of(uid),
          budgetsOf: (occupant: { readonly uid: string }) =>
            occupants.budgetsOf({ priority: 0, startedMs: 0, state: 'removable', ...occupant }),
          allowed: occupants.allowed(),
        };
        const anew = estimates(snapshot, asked, options);
        while (!index.advance(() => options));
        const estimated = index.estimates(options);
        expect([...estimated]).toEqual(anew.toSorted(compareVictims));
        const before = preempt(snapshot, asked, options);
        const known = { estimated, tries: new Map() };
        expect(preempt(snapshot, asked, options, known)).toEqual(before);
      }
    }),
    { numRuns: 300 },
  );
});

it('is built in parts, between which nodes and instances change', () => {
  const world = new World();
  const { cluster, occupants } = world;
  const { snapshot } = cluster;
  const pod = (uid: number, node: string) =>
    ({ type: 'pod', uid, node, cpu: 3, priority: 1, app: 'a', leaves: false }) as const;
  // More than are looked at in one part.
  for (let i = 0; i < 1200; i += 1) {
    world.carryOut({ type: 'node', node: `n${i}`, cpu: 4, cordoned: false });
    world.carryOut(pod(i, `n${i}`));
  }
  const asked = cluster.requestOf(podOf({ ...pod(9999, ''), cpu: 4, priority: 2 }));
  const index = new VictimIndex(snapshot, asked, occupants.changes);
  const options = {
    priority: 2,
    occupantOf: (uid: string) => occupants.of(uid),
    budgetsOf: () => [],
    allowed: occupants.allowed(),
  };
  let parts = 0;
  for (; !index.advance(() => options); parts += 1) {
    if (parts > 18) continue;
    world.carryOut({ type: 'gone', uid: parts });
    world.carryOut({ type: 'node', node: `n${600 + parts}`, cpu: 0, cordoned: false });
    world.carryOut({ type: 'node', node: `n${1100 + parts}`, cpu: 4, cordoned: true });
  }
  // Each node in a part of its own.
  expect(parts).toBeGreaterThan(1200);
  const anew = estimates(snapshot, asked, options);
  expect(anew).toHaveLength(1143);
  expect([...index.estimates(options)]).toEqual(anew.toSorted(compareVictims));
});

it('comes to an end where budgets change in every pause, and then tells what it knows', () => {
  const world = new World();
  const { cluster, occupants } = world;
  const pod = {
    type: 'pod',
    uid: 1,
    node: 'n1',
    cpu: 3,
    priority: 1,
    app: 'a',
    leaves: false,
  } as const;
  for (const node of nodeNames) world.carryOut({ type: 'node', node, cpu: 4, cordoned: false });
  world.carryOut(pod);
  const asked = cluster.requestOf(podOf({ ...pod, uid: 9, node: '', cpu: 4, priority: 2 }));
  const index = new VictimIndex(cluster.snapshot, asked, occupants.changes);
  const options = {
    priority: 2,
    occupantOf: (uid: string) => occupants.of(uid),
    budgetsOf: () => [],
    allowed: occupants.allowed(),
  };
  let parts = 0;
  for (; !index.advance(() => options) && parts < 100; parts += 1) {
    world.carryOut({ type: 'budget', app: 'a', allowed: parts });
  }
  expect(parts).toBeLessThan(20);
  expect([...index.estimates(options)].map(({ node }) => node)).toEqual(['n1']);
});
