import { expect, test } from 'vitest';
import type { ControllerRevision, Workload } from '../../api/kinds.gen.ts';
import { pickRevision } from './revisions.ts';
import { rolloutStatus } from './rollout-status.ts';

type Status = NonNullable<Workload['status']>;

function workloadOf(status: Status, spec: Partial<Workload['spec']> = {}): Workload {
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name: 'web', generation: 2 },
    spec: { replicas: 3, selector: {}, template: { spec: { containers: [] } }, ...spec },
    status: { observedGeneration: 2, currentRevision: 'a', updateRevision: 'a', ...status },
  };
}

const counts = (replicas: number, updatedReplicas: number, availableReplicas: number) => ({
  replicas,
  updatedReplicas,
  availableReplicas,
});
const condition = (type: string, status: 'True' | 'False', reason: string, message: string) => [
  { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' },
];

test.each<[string, Status, Partial<Workload['spec']>, string, RegExp]>([
  ['unseen', { observedGeneration: 1 }, {}, 'waiting', /spec update to be observed/],
  ['begun', counts(4, 1, 3), {}, 'waiting', /1 out of 3 new replicas have been updated\.\.\.$/],
  ['paused', counts(3, 1, 3), { paused: true }, 'waiting', /paused/],
  ['old left', counts(4, 3, 4), {}, 'waiting', /1 old replicas are pending termination/],
  ['not ready', counts(3, 3, 2), {}, 'waiting', /2 of 3 updated replicas are available/],
  ['unsure', { ...counts(3, 3, 3), updateRevision: 'b' }, {}, 'waiting', /not been ready/],
  ['done', counts(3, 3, 3), {}, 'done', /^workload "web" successfully rolled out$/],
  ['by node', counts(7, 7, 7), { placement: { strategy: 'Each', perNode: 1 } }, 'done', /./],
  ['stopped', counts(3, 3, 0), { running: false }, 'failed', /is stopped/],
  [
    'late',
    {
      ...counts(4, 1, 3),
      conditions: condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'pod x'),
    },
    {},
    'failed',
    /^workload "web" exceeded its progress deadline: pod x$/,
  ],
  [
    'without its config',
    {
      ...counts(3, 3, 3),
      conditions: condition('Progressing', 'False', 'ConfigMissing', 'ConfigMap "a"'),
    },
    {},
    'waiting',
    /ConfigMap "a"/,
  ],
  [
    'stalled',
    { conditions: condition('Stalled', 'True', 'SelectorEmpty', 'no selector') },
    {},
    'failed',
    /no selector/,
  ],
])('a rollout that is %s', (_, status, spec, type, says) => {
  const answer = rolloutStatus(workloadOf(status, spec));
  expect(answer.type).toBe(type);
  expect(answer.message).toMatch(says);
});

test('a revision is chosen by its number, and 0 is the one before', () => {
  const kept = [2, 5, 6].map((number) => ({
    number,
    cause: undefined,
    content: { runtime: 'docker', template: { spec: { containers: [] } } },
    object: { apiVersion: 'apps/v1', kind: 'ControllerRevision' } as ControllerRevision,
  }));
  expect(pickRevision(kept, 0, 'web').number).toBe(5);
  expect(pickRevision(kept, 2, 'web').number).toBe(2);
  expect(() => pickRevision(kept, 3, 'web')).toThrow(/revision 3 in history: there are 2, 5, 6/);
  expect(() => pickRevision(kept.slice(0, 1), 0, 'web')).toThrow(/no rollout history found/);
});
