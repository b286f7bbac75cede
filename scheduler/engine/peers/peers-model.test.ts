import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../api/kinds.gen.ts';
import { Engine } from '../engine.ts';
import { obstaclesOn } from '../explain.ts';
import { podRequest } from '../pod-request.ts';
import type { PlacementRequest } from '../request.ts';
import { Snapshot } from '../snapshot.ts';
import { dimensions, node } from '../testing.ts';

type Spec = Partial<Pod['spec']>;
type Labels = Readonly<Record<string, string>>;

function podOf(uid: string, namespace: string, labels: Labels, spec: Spec = {}): Pod {
  const metadata = { uid, name: uid, namespace, labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], ...spec } };
}

function requestOf(pod: Pod): PlacementRequest {
  return podRequest(pod, undefined, dimensions);
}

/** What a rule asks for, kept so simple that it can be judged by looking at every pod. */
type Rule =
  | {
      readonly type: 'near' | 'away';
      readonly key: string;
      readonly app: string;
      readonly everywhere: boolean;
    }
  | {
      readonly type: 'spread';
      readonly key: string;
      readonly app: string;
      readonly maxSkew: number;
      readonly minDomains: number | undefined;
      readonly required: boolean;
    }
  | { readonly type: 'like' | 'dislike'; readonly key: string; readonly app: string };

interface Given {
  readonly namespace: string;
  readonly app: string;
  readonly rules: readonly Rule[];
}

function specOf(rules: readonly Rule[]): Spec {
  const term = (rule: { key: string; app: string; everywhere?: boolean }) => ({
    topologyKey: rule.key,
    labelSelector: { matchLabels: { app: rule.app } },
    ...(rule.everywhere === true ? { namespaceSelector: { matchLabels: { open: 'yes' } } } : {}),
  });
  const weighted = (type: 'like' | 'dislike') =>
    rules.flatMap((rule) =>
      rule.type === type ? [{ weight: 10, podAffinityTerm: term(rule) }] : [],
    );
  const required = (type: 'near' | 'away') =>
    rules.flatMap((rule) => (rule.type === type ? [term(rule)] : []));
  return {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: required('near'),
        preferredDuringSchedulingIgnoredDuringExecution: weighted('like'),
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: required('away'),
        preferredDuringSchedulingIgnoredDuringExecution: weighted('dislike'),
      },
    },
    topologySpreadConstraints: rules.flatMap((rule) =>
      rule.type !== 'spread'
        ? []
        : [
            {
              topologyKey: rule.key,
              maxSkew: rule.maxSkew,
              whenUnsatisfiable: rule.required ? 'DoNotSchedule' : 'ScheduleAnyway',
              labelSelector: { matchLabels: { app: rule.app } },
              ...(rule.minDomains === undefined ? {} : { minDomains: rule.minDomains }),
            } as const,
          ],
    ),
  };
}

/** The same cluster, without any index. */
class Model {
  readonly nodes = new Map<string, Labels>();
  readonly pods = new Map<string, { readonly given: Given; readonly node: string }>();
  readonly open = new Set<string>();

  /** Kubernetes' rules, read by looking at all pods for each node. */
  allows(given: Given, name: string): boolean {
    const labels = this.nodes.get(name);
    return (
      labels !== undefined &&
      this.#near(given, labels) &&
      this.#away(given, labels) &&
      this.#spread(given, labels)
    );
  }

  #means(rule: { app: string; everywhere?: boolean }, from: Given, other: Given): boolean {
    const inSight =
      rule.everywhere === true
        ? this.open.has(other.namespace)
        : from.namespace === other.namespace;
    return inSight && rule.app === other.app;
  }

  #placed() {
    return [...this.pods.values()].flatMap(({ given, node: name }) => {
      const labels = this.nodes.get(name);
      return labels === undefined ? [] : [{ given, labels }];
    });
  }

  #near(given: Given, labels: Labels): boolean {
    const terms = given.rules.filter((rule) => rule.type === 'near');
    const meantByAll = (other: Given) => terms.every((rule) => this.#means(rule, given, other));
    if (terms.some(({ key }) => labels[key] === undefined)) return false;
    const meant = this.#placed().filter((pod) => meantByAll(pod.given));
    const isFirst = terms.every(({ key }) => meant.every((pod) => pod.labels[key] === undefined));
    if (isFirst) return meantByAll(given);
    return terms.every(({ key }) => meant.some((pod) => pod.labels[key] === labels[key]));
  }

  #away(given: Given, labels: Labels): boolean {
    return this.#placed().every((pod) => {
      const collides = (a: Given, b: Given) =>
        a.rules.some(
          (rule) =>
            rule.type === 'away' &&
            labels[rule.key] !== undefined &&
            labels[rule.key] === pod.labels[rule.key] &&
            this.#means(rule, a, b),
        );
      return !collides(given, pod.given) && !collides(pod.given, given);
    });
  }

  #spread(given: Given, labels: Labels): boolean {
    const rules = given.rules.flatMap((rule) =>
      rule.type === 'spread' && rule.required ? [rule] : [],
    );
    const counted = (each: Labels) => rules.every(({ key }) => each[key] !== undefined);
    if (!counted(labels)) return false;
    return rules.every((rule) => {
      const counts = new Map<string, number>();
      for (const each of this.nodes.values())
        if (counted(each)) counts.set(each[rule.key] ?? '', 0);
      for (const pod of this.#placed()) {
        const value = pod.labels[rule.key] ?? '';
        if (counted(pod.labels) && this.#means(rule, given, pod.given))
          counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      const fewest = counts.size < (rule.minDomains ?? 1) ? 0 : Math.min(...counts.values());
      const itself = this.#means(rule, given, given) ? 1 : 0;
      return (counts.get(labels[rule.key] ?? '') ?? 0) + itself - fewest <= rule.maxSkew;
    });
  }
}

const key = fc.constantFrom('zone', 'host');
const app = fc.constantFrom('a', 'b');
const rule: fc.Arbitrary<Rule> = fc.oneof(
  fc.record({
    type: fc.constantFrom('near' as const, 'away' as const),
    key,
    app,
    everywhere: fc.boolean(),
  }),
  fc.record({ type: fc.constantFrom('like' as const, 'dislike' as const), key, app }),
  fc.record({
    type: fc.constant('spread' as const),
    key,
    app,
    maxSkew: fc.integer({ min: 1, max: 2 }),
    minDomains: fc.constantFrom(undefined, 3),
    required: fc.boolean(),
  }),
);
/** One constraint per key and kind, as the API wants it. */
const rules = fc.uniqueArray(rule, {
  maxLength: 3,
  selector: (each) =>
    each.type === 'spread' ? `${each.key} ${each.required}` : JSON.stringify(each),
});
const given: fc.Arbitrary<Given> = fc.record({ namespace: fc.constantFrom('x', 'y'), app, rules });
const nodeName = fc.constantFrom('n0', 'n1', 'n2', 'n3', 'n4');
const zone = fc.constantFrom('z1', 'z2', undefined);

type Step =
  | { readonly type: 'ask'; readonly given: Given }
  | { readonly type: 'place'; readonly uid: string; readonly given: Given; readonly node: string }
  | { readonly type: 'release'; readonly uid: string }
  | { readonly type: 'node'; readonly node: string; readonly zone: string | undefined }
  | { readonly type: 'gone'; readonly node: string }
  | { readonly type: 'namespace'; readonly name: string; readonly open: boolean };

const uid = fc.constantFrom('u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('ask' as const), given }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('place' as const), uid, given, node: nodeName }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('release' as const), uid }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('node' as const), node: nodeName, zone }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('gone' as const), node: nodeName }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('namespace' as const),
      name: fc.constantFrom('x', 'y'),
      open: fc.boolean(),
    }),
  },
);

function labelsOf(name: string, ofZone: string | undefined): Labels {
  return { host: name, ...(ofZone === undefined ? {} : { zone: ofZone }) };
}

function requestFor(id: string, { namespace, app: label, rules: list }: Given): PlacementRequest {
  return requestOf(podOf(id, namespace, { app: label }, specOf(list)));
}

function apply(step_: Step, snapshot: Snapshot, model: Model): void {
  switch (step_.type) {
    case 'ask':
      return;
    case 'place':
      snapshot.assume(requestFor(step_.uid, step_.given), step_.node, {});
      model.pods.set(step_.uid, step_);
      return;
    case 'release':
      snapshot.release(step_.uid);
      model.pods.delete(step_.uid);
      return;
    case 'node':
      snapshot.upsertNode(
        node(step_.node, undefined, { labels: labelsOf(step_.node, step_.zone) }),
      );
      model.nodes.set(step_.node, labelsOf(step_.node, step_.zone));
      return;
    case 'gone':
      snapshot.removeNode(step_.node);
      model.nodes.delete(step_.node);
      return;
    case 'namespace':
      snapshot.peers.setNamespace(step_.name, step_.open ? { open: 'yes' } : {});
      if (step_.open) model.open.add(step_.name);
      else model.open.delete(step_.name);
  }
}

/** The model's cluster in a snapshot that has seen nothing else. */
function rebuilt(model: Model): Snapshot {
  const snapshot = new Snapshot(dimensions);
  for (const name of model.open) snapshot.peers.setNamespace(name, { open: 'yes' });
  for (const [id, pod] of model.pods) snapshot.assume(requestFor(id, pod.given), pod.node, {});
  for (const [name, labels] of model.nodes) snapshot.upsertNode(node(name, undefined, { labels }));
  return snapshot;
}

describe('rules between instances', () => {
  it('allow what a look at every pod allows, whatever way the cluster came to be as it is', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.boolean(), (steps, fine) => {
        const engine = new Engine(new Snapshot(dimensions));
        const model = new Model();
        for (const each of steps) {
          apply(each, engine.snapshot, model);
          if (each.type !== 'ask') continue;
          const asked = requestFor('asked', each.given);
          if (fine) refine(engine.snapshot, asked);
          const allowed = [...model.nodes.keys()].filter((name) => model.allows(each.given, name));
          const free = [...model.nodes.keys()].filter(
            (name) => obstaclesOn(engine.snapshot, asked, name)?.length === 0,
          );
          expect(free).toEqual(allowed);
          const placed = engine.place(asked)?.node;
          expect(allowed.includes(placed ?? '')).toBe(allowed.length > 0);
          expect(placed).toBe(new Engine(rebuilt(model)).place(asked)?.node);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** As if there were very many domains. */
function refine(snapshot: Snapshot, { peerRules }: PlacementRequest): void {
  for (const term of [...(peerRules?.near ?? []), ...(peerRules?.away ?? [])]) {
    snapshot.peers.refine(snapshot.peers.counts(term).topology);
  }
}
