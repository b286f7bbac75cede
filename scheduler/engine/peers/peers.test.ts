import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../api/kinds.gen.ts';
import { Engine } from '../engine.ts';
import { obstaclesOn } from '../explain.ts';
import { podRequest } from '../pod-request.ts';
import { messageOf } from '../reasons.ts';
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

describe('rules between instances, one by one', () => {
  function cluster(): Engine {
    const engine = new Engine(new Snapshot(dimensions));
    for (const [name, zoneName] of [
      ['n1', 'z1'],
      ['n2', 'z1'],
      ['n3', 'z2'],
    ] as const) {
      const labels = { host: name, zone: zoneName };
      engine.snapshot.upsertNode(node(name, undefined, { labels }));
    }
    return engine;
  }

  function place(engine: Engine, pods: readonly Pod[]): readonly string[] {
    return engine
      .scheduleBatch(pods.map(requestOf))
      .map((decision) =>
        decision.type === 'placed' ? decision.node : messageOf(decision.reasons),
      );
  }

  const of = (app: string, more: Labels = {}) => ({ labels: { app, ...more } });
  const term = (topologyKey: string, app: string, more = {}) => ({
    topologyKey,
    labelSelector: { matchLabels: { app } },
    ...more,
  });

  it('are told in the words of kube-scheduler', () => {
    const engine = cluster();
    const required = [term('zone', 'db')];
    const away: Spec = {
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
    };
    const near: Spec = {
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
    };
    const pods = [
      podOf('w', 'x', of('web').labels, near),
      podOf('d1', 'x', of('db').labels, away),
      podOf('d2', 'x', of('db').labels, away),
      podOf('d3', 'x', of('db').labels, away),
      podOf('d4', 'x', of('db').labels),
      podOf('other', 'y', of('db').labels),
    ];
    expect(place(engine, pods)).toEqual([
      "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.",
      'n1',
      'n3',
      "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
      "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules.",
      'n2',
    ]);
  });

  it('are met after the smallest change that is named', () => {
    const engine = cluster();
    const asked = (maxSkew: number) =>
      podOf('p', 'x', of('a').labels, {
        nodeSelector: { host: 'n1' },
        topologySpreadConstraints: [
          {
            topologyKey: 'zone',
            maxSkew,
            whenUnsatisfiable: 'DoNotSchedule',
            nodeAffinityPolicy: 'Ignore',
            labelSelector: { matchLabels: { app: 'a' } },
          },
        ],
      });
    place(engine, [podOf('u1', 'x', of('a').labels, { nodeSelector: { host: 'n1' } })]);
    place(engine, [podOf('u2', 'x', of('a').labels, { nodeSelector: { host: 'n2' } })]);
    const [obstacle] = obstaclesOn(engine.snapshot, requestOf(asked(1)), 'n1') ?? [];
    expect(obstacle).toMatchObject({
      reason: "node(s) didn't match pod topology spread constraints",
      changes: [{ type: 'maxSkew', maxSkew: 3, topologyKey: 'zone', domain: 'z1' }],
    });
    expect(obstaclesOn(engine.snapshot, requestOf(asked(2)), 'n1')).toHaveLength(1);
    expect(obstaclesOn(engine.snapshot, requestOf(asked(3)), 'n1')).toEqual([]);
  });

  it('count only nodes that the policies count', () => {
    const engine = cluster();
    const constraint = {
      topologyKey: 'zone',
      maxSkew: 1,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'a' } },
    } as const;
    const pods = ['p1', 'p2'].map((id) =>
      podOf(id, 'x', of('a').labels, {
        nodeSelector: { zone: 'z1' },
        topologySpreadConstraints: [constraint],
      }),
    );
    expect(place(engine, pods)).toEqual(['n1', 'n2']);
    const ignoring = podOf('p3', 'x', of('a').labels, {
      nodeSelector: { zone: 'z1' },
      topologySpreadConstraints: [{ ...constraint, nodeAffinityPolicy: 'Ignore' }],
    });
    expect(place(engine, [ignoring])[0]).toContain('topology spread constraints');
  });

  it('take the labels of the pod itself where they are told to', () => {
    const engine = cluster();
    const away = (more: object): Spec => ({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [term('zone', 'a', more)],
        },
      },
    });
    const same = away({ matchLabelKeys: ['version', 'none'] });
    const pods = [
      podOf('p1', 'x', { app: 'a', version: '1' }, same),
      podOf('p2', 'x', { app: 'a', version: '2' }, same),
      podOf('p3', 'x', { app: 'a', version: '1' }, same),
    ];
    expect(place(engine, pods)).toEqual(['n1', 'n2', 'n3']);
    const other = podOf(
      'p4',
      'x',
      { app: 'b', version: '1' },
      away({ mismatchLabelKeys: ['version'] }),
    );
    expect(place(engine, [other])).toEqual(['n3']);
  });

  it('make wishes for places with more, or with fewer, on both sides', () => {
    const engine = cluster();
    const wish = (kind: 'podAffinity' | 'podAntiAffinity', app: string): Spec => ({
      affinity: {
        [kind]: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, podAffinityTerm: term('zone', app) },
          ],
        },
      },
    });
    place(engine, [podOf('a', 'x', of('a').labels, { nodeSelector: { host: 'n3' } })]);
    expect(place(engine, [podOf('p1', 'x', {}, wish('podAffinity', 'a'))])).toEqual(['n3']);
    expect(place(engine, [podOf('p2', 'x', {}, wish('podAntiAffinity', 'a'))])).toEqual(['n1']);
    // The wish to be away from b is of the one that is there.
    place(engine, [
      podOf('p3', 'x', {}, { ...wish('podAntiAffinity', 'b'), nodeSelector: { host: 'n2' } }),
    ]);
    expect(place(engine, [podOf('b', 'x', of('b').labels)])).toEqual(['n3']);
  });

  it('lay the instances of a workload out over the values of a label', () => {
    const engine = cluster();
    const workload = {
      apiVersion: 'berth.dev/v1',
      kind: 'Workload',
      metadata: { uid: 'w' },
      spec: {
        selector: {},
        template: { spec: { containers: [] } },
        placement: { topologyKey: 'zone' },
      },
    } as const;
    const owned = (id: string): Pod => {
      const pod = podOf(id, 'x', {});
      const owner = { apiVersion: 'v1', kind: 'Workload', name: 'w', uid: 'w', controller: true };
      return { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } };
    };
    const requests = ['p1', 'p2', 'p3', 'p4', 'p5'].map((id) =>
      podRequest(owned(id), workload, dimensions),
    );
    const nodes = engine
      .scheduleBatch(requests)
      .map((decision) => (decision.type === 'placed' ? decision.node : 'none'));
    // Without the label of zones, n3 would have one of five.
    expect(nodes).toEqual(['n1', 'n3', 'n2', 'n3', 'n1']);
  });
});
