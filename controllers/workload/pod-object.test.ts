import { expect, test } from 'vitest';
import type { Workload } from '../../api/kinds.gen.ts';
import { podName, podObject } from './pod-object.ts';

function workload(name: string, spec: Partial<Workload['spec']> = {}): Workload {
  const labels = { app: 'w' };
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name, namespace: 'default', uid: 'u1' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...spec,
    },
  };
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

test.each([`${'a'.repeat(189)}.b${'c'.repeat(50)}`, 'web'])(
  'names of pods are names, wherever those of workloads are cut: %s',
  (name) => {
    for (const identity of ['Stable', 'Ephemeral'] as const) {
      const made = podName(workload(name, { identity }), 'hash1234', 3);
      expect(made).toMatch(subdomain);
      expect(made.length).toBeLessThanOrEqual(253);
    }
  },
);

test.each([
  ['web-0', 'web-0'],
  ['my.web-0', undefined],
  [`${'w'.repeat(70)}-0`, undefined],
])('a numbered instance %s has the host name %s', (name, hostname) => {
  const pod = podObject(workload('web', { identity: 'Stable' }), 'hash1234', { name, ordinal: 0 });
  expect(pod.spec.hostname).toBe(hostname);
});
