/**
 * The cases of kube-scheduler's scheduler_perf that apply here, under their own names, with the same numbers of nodes and
 * pods and the same rules in the pods.
 * Source: kubernetes/kubernetes test/integration/scheduler_perf, performance-config.yaml and templates.
 */
import type { Node, Pod } from '../../../api/kinds.gen.ts';

export interface PerfCase {
  readonly nodes: number;
  node(i: number): Node;
  /** Namespaces with their labels, besides `default`. */
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Placed before; some of them never can be. */
  readonly init: readonly Pods[];
  readonly measured: Pods;
  /** Below so many pods a second upstream's own test fails. */
  readonly threshold: number;
}

export interface Pods {
  readonly count: number;
  /** Does any of them find a node? */
  readonly hopeless?: boolean;
  pod(i: number): PodShape;
}

export interface PodShape {
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<Pod['spec']>;
  readonly requests?: Readonly<Record<string, string>>;
}

const zoneKey = 'topology.kubernetes.io/zone';
const hostKey = 'kubernetes.io/hostname';
const setup = 'sched-setup';
const test = 'sched-test';
const both = [setup, test];

function node(i: number, zones: readonly string[] = [], more: Partial<Node['spec']> = {}): Node {
  const name = `scheduler-perf-${String(i).padStart(5, '0')}`;
  const zone = zones[i % zones.length];
  const labels = { [hostKey]: name, ...(zone === undefined ? {} : { [zoneKey]: zone }) };
  const offered = { cpu: '4', memory: '32Gi', pods: '110' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: more,
    status: {
      capacity: offered,
      allocatable: offered,
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

const plain = (count: number, namespace: string): Pods => ({ count, pod: () => ({ namespace }) });

function colored(
  count: number,
  namespace: string,
  color: string,
  spec: Partial<Pod['spec']>,
): Pods {
  return { count, pod: () => ({ namespace, labels: { color }, spec }) };
}

function term(color: string, topologyKey: string) {
  return { labelSelector: { matchLabels: { color } }, topologyKey, namespaces: both };
}

type Kind = 'podAffinity' | 'podAntiAffinity';

function required(kind: Kind, color: string, topologyKey: string): Partial<Pod['spec']> {
  const requiredDuringSchedulingIgnoredDuringExecution = [term(color, topologyKey)];
  return { affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution } } };
}

function preferred(kind: Kind, color: string, topologyKey: string): Partial<Pod['spec']> {
  const wish = { weight: 1, podAffinityTerm: term(color, topologyKey) };
  const preferredDuringSchedulingIgnoredDuringExecution = [wish];
  return { affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution } } };
}

function spread(whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway'): Partial<Pod['spec']> {
  const labelSelector = { matchLabels: { color: 'blue' } };
  const constraint = { maxSkew: 5, topologyKey: zoneKey, whenUnsatisfiable, labelSelector };
  return { topologySpreadConstraints: [constraint] };
}

const inZones: Partial<Pod['spec']> = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: zoneKey, operator: 'In', values: ['zone1', 'zone2'] }] },
        ],
      },
    },
  },
};

/** As upstream's DaemonSet controller would make them: each for one node. */
function onNode(i: number): Partial<Pod['spec']> {
  const values = [node(i).metadata.name ?? ''];
  const field = { key: 'metadata.name', operator: 'In', values } as const;
  const nodeSelectorTerms = [{ matchFields: [field] }];
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } };
}

const perHost = { podAntiAffinity: ['green', hostKey], podAffinity: ['blue', zoneKey] } as const;
const moons = ['moon-1', 'moon-2', 'moon-3'];
const teams = Array.from({ length: 100 }, (_, i) => `init-ns-${i}`);
const byTeam: Partial<Pod['spec']> = {
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          labelSelector: { matchLabels: { color: 'green' } },
          topologyKey: hostKey,
          namespaceSelector: { matchLabels: { team: 'devops' } },
        },
      ],
    },
  },
};

export const perfCases: Readonly<Record<string, PerfCase>> = {
  SchedulingBasic: {
    nodes: 5_000,
    node: (i) => node(i),
    init: [plain(1_000, setup)],
    measured: plain(10_000, test),
    threshold: 680,
  },
  SchedulingDaemonset: {
    nodes: 15_000,
    node: (i) => node(i),
    init: [],
    measured: { count: 30_000, pod: (i) => ({ namespace: test, spec: onNode(i % 15_000) }) },
    threshold: 1_100,
  },
  SchedulingNodeAffinity: {
    nodes: 5_000,
    node: (i) => node(i, ['zone1']),
    init: [colored(5_000, setup, 'none', inZones)],
    measured: colored(10_000, test, 'none', inZones),
    threshold: 220,
  },
  SchedulingPodAntiAffinity: {
    nodes: 5_000,
    node: (i) => node(i),
    init: [colored(1_000, setup, 'green', required('podAntiAffinity', ...perHost.podAntiAffinity))],
    measured: colored(
      2_000,
      test,
      'green',
      required('podAntiAffinity', ...perHost.podAntiAffinity),
    ),
    threshold: 60,
  },
  SchedulingPodAffinity: {
    nodes: 5_000,
    node: (i) => node(i, ['zone1']),
    init: [colored(5_000, setup, 'blue', required('podAffinity', ...perHost.podAffinity))],
    measured: colored(5_000, test, 'blue', required('podAffinity', ...perHost.podAffinity)),
    threshold: 35,
  },
  SchedulingPreferredPodAffinity: {
    nodes: 5_000,
    node: (i) => node(i),
    init: [colored(5_000, setup, 'red', preferred('podAffinity', 'red', hostKey))],
    measured: colored(5_000, test, 'red', preferred('podAffinity', 'red', hostKey)),
    threshold: 90,
  },
  SchedulingPreferredPodAntiAffinity: {
    nodes: 5_000,
    node: (i) => node(i),
    init: [colored(5_000, setup, 'yellow', preferred('podAntiAffinity', 'yellow', hostKey))],
    measured: colored(5_000, test, 'yellow', preferred('podAntiAffinity', 'yellow', hostKey)),
    threshold: 90,
  },
  TopologySpreading: {
    nodes: 5_000,
    node: (i) => node(i, moons),
    init: [plain(5_000, setup)],
    measured: colored(5_000, test, 'blue', spread('DoNotSchedule')),
    threshold: 460,
  },
  PreferredTopologySpreading: {
    nodes: 5_000,
    node: (i) => node(i, moons),
    init: [plain(5_000, setup)],
    measured: colored(5_000, test, 'blue', spread('ScheduleAnyway')),
    threshold: 340,
  },
  MixedSchedulingBasePod: {
    nodes: 5_000,
    node: (i) => node(i, ['zone1']),
    init: [
      plain(2_000, setup),
      colored(2_000, setup, 'blue', required('podAffinity', 'blue', zoneKey)),
      colored(2_000, setup, 'green', required('podAntiAffinity', 'green', hostKey)),
      colored(2_000, setup, 'red', preferred('podAffinity', 'red', hostKey)),
      colored(2_000, setup, 'yellow', preferred('podAntiAffinity', 'yellow', hostKey)),
    ],
    measured: plain(5_000, test),
    threshold: 140,
  },
  SchedulingRequiredPodAntiAffinityWithNSSelector: {
    nodes: 6_000,
    node: (i) => node(i),
    namespaces: Object.fromEntries(
      [...teams, 'measure-ns-0'].map((ns) => [ns, { team: 'devops' }]),
    ),
    init: [
      {
        count: 4_000,
        pod: (i) => ({
          namespace: teams[i % teams.length] ?? '',
          labels: { color: 'green' },
          spec: byTeam,
        }),
      },
    ],
    measured: colored(2_000, 'measure-ns-0', 'green', byTeam),
    threshold: 24,
  },
  Unschedulable: {
    nodes: 5_000,
    node: (i) => node(i),
    init: [
      {
        count: 100,
        hopeless: true,
        pod: () => ({ namespace: setup, requests: { cpu: '9', memory: '500Mi' } }),
      },
    ],
    measured: plain(10_000, test),
    threshold: 590,
  },
};
