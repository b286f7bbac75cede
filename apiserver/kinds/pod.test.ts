import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { podStrategy, qosClass } from './pod.ts';
import { defaultPullPolicy, validatePodSpec } from './pod-spec.ts';

const context = {
  user: { name: 'u', groups: [] },
  now: '2026-01-01T00:00:00Z',
  dryRun: false,
};
const container = (more: JsonObject = {}): JsonObject => ({ name: 'c', image: 'busybox', ...more });
const fields = (errors: readonly FieldError[] | undefined) => errors?.map(({ field }) => field);

function pod(spec: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return { metadata: { name: 'p' }, spec: { containers: [container()], ...spec }, ...more };
}

test('the server sets phase and quality of service, whatever was sent', () => {
  const made = pod({}, { status: { phase: 'Running' } });
  podStrategy.prepareForCreate?.(made, context);
  expect(made['status']).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
});

test('both names of the ServiceAccount say the same', () => {
  const named = (spec: JsonObject) => {
    const made = pod(spec);
    podStrategy.prepareForCreate?.(made, context);
    const { serviceAccountName, serviceAccount } = made['spec'] as JsonObject;
    return [serviceAccountName, serviceAccount];
  };
  expect(named({ serviceAccountName: 'a' })).toEqual(['a', 'a']);
  expect(named({ serviceAccount: 'a' })).toEqual(['a', 'a']);
  expect(named({ serviceAccountName: 'a', serviceAccount: 'b' })).toEqual(['a', 'a']);
  expect(named({})).toEqual([undefined, undefined]);
});

test('quality of service goes by amounts, not by their spelling', () => {
  const resources = {
    limits: { cpu: '1', memory: '1Gi' },
    requests: { cpu: '1000m', memory: '1Gi' },
  };
  const made = pod({ containers: [container({ resources })] });
  podStrategy.prepareForCreate?.(made, context);
  expect(made['status']).toMatchObject({ qosClass: 'Guaranteed' });
});

test.each([
  [{}, 'BestEffort'],
  [{ requests: { cpu: '1' } }, 'Burstable'],
  [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
  [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } }, 'Burstable'],
])('%j is %s', (resources, quality) => {
  expect(qosClass({ containers: [container({ resources })] })).toBe(quality);
});

test.each([
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['nginx:1.29', 'IfNotPresent'],
  ['host:5000/nginx', 'Always'],
  ['nginx@sha256:0', 'IfNotPresent'],
])('%s is pulled %s', (image, policy) => {
  expect(defaultPullPolicy(image)).toBe(policy);
});

test('amounts are stored in one spelling, and limits are requests where those are missing', () => {
  const made = pod({ containers: [container({ resources: { limits: { cpu: '1000m' } } })] });
  podStrategy.prepareForCreate?.(made, context);
  expect(made).toMatchObject({
    spec: { containers: [{ resources: { limits: { cpu: '1' }, requests: { cpu: '1' } } }] },
  });
});

describe('what is wrong with a spec', () => {
  const wrong = (spec: JsonObject) => fields(validatePodSpec(spec, 'spec'));

  test('an image may only be missing for systemd', () => {
    const containers = [{ name: 'c' }];
    expect(wrong({ containers })).toEqual(['spec.containers[0].image']);
    expect(wrong({ containers, runtimeClassName: 'systemd' })).toEqual([]);
  });

  test('virtual machines are no pods', () => {
    const found = wrong({ runtimeClassName: 'libvirt', containers: [{ name: 'a', image: 'i' }] });
    expect(found).toEqual(['spec.runtimeClassName']);
  });

  test('names, mounts, host ports, environment and amounts', () => {
    const port = { containerPort: 1, hostPort: 80, protocol: 'TCP' };
    const resources = { requests: { cpu: '2', memory: '-1' }, limits: { cpu: '1' } };
    const one = container({ ports: [port], volumeMounts: [{ name: 'none' }], resources });
    const two = container({ ports: [port], env: [{ name: 'a=b' }] });
    expect(wrong({ containers: [one, two] })).toEqual([
      'spec.containers[0].resources.requests[memory]',
      'spec.containers[0].resources.requests',
      'spec.containers[0].volumeMounts[0].name',
      'spec.containers[1].name',
      'spec.containers[1].env[0].name',
      'spec.containers[1].ports[0].hostPort',
    ]);
  });

  test('a volume has one source', () => {
    const volumes = [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }];
    expect(wrong({ containers: [container()], volumes })).toEqual(['spec.volumes[0].hostPath']);
  });
});

describe('changes', () => {
  const change = (spec: JsonObject, old: JsonObject = {}) =>
    fields(podStrategy.validate?.(pod(spec), pod(old)));

  test('image, deadline and more tolerations may change', () => {
    expect(change({ containers: [container({ image: 'other' })] })).toEqual([]);
    expect(change({ activeDeadlineSeconds: 5 })).toEqual([]);
    expect(change({ tolerations: [{ key: 'a' }] })).toEqual([]);
  });

  test('anything else may not', () => {
    expect(change({ containers: [container({ command: ['x'] })] })).toEqual(['spec']);
    expect(change({ hostNetwork: true })).toEqual(['spec']);
    expect(change({}, { tolerations: [{ key: 'a' }] })).toEqual(['spec.tolerations']);
  });
});

test('only a bound pod that still runs is given time to end', () => {
  const deletion = (spec: JsonObject, grace?: number, status: JsonObject = {}) =>
    podStrategy.deletion?.(pod(spec, { status }), grace);
  const bound = { nodeName: 'n', terminationGracePeriodSeconds: 7 };
  expect(deletion({})).toEqual({ type: 'now' });
  expect(deletion(bound)).toEqual({ type: 'graceful', seconds: 7 });
  expect(deletion(bound, 2)).toEqual({ type: 'graceful', seconds: 2 });
  expect(deletion(bound, 0)).toEqual({ type: 'now' });
  expect(deletion(bound, undefined, { phase: 'Succeeded' })).toEqual({ type: 'now' });
});

test.each([
  [{ podIP: '10.0.0.1' }, { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] }],
  [
    { podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.1' }] },
    { podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }] },
  ],
  [{ podIPs: [{ ip: '10.0.0.1' }] }, { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] }],
  [{}, {}],
])('the addresses %j of a status become %j', (given, expected) => {
  const status: JsonObject = structuredClone(given);
  podStrategy.defaultStatus?.(status);
  expect(status).toEqual(expected);
});

test('only an init container may have a restart policy of its own, and only Always, with probes', () => {
  const probe = { exec: { command: ['true'] } };
  const errors = (init: JsonObject, main: JsonObject = {}) => {
    const initContainers = [{ name: 'i', image: 'busybox', ...init }];
    return validatePodSpec({ containers: [container(main)], initContainers }, 'spec').map(
      ({ field, message }) => `${field}: ${message}`,
    );
  };
  expect(errors({ restartPolicy: 'Always', startupProbe: probe })).toEqual([]);
  expect(errors({ startupProbe: probe })).toHaveLength(1);
  expect(errors({ restartPolicy: 'Never' })).toEqual([
    'spec.initContainers[0].restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ]);
  expect(errors({}, { restartPolicy: 'Always' })[0]).toMatch(
    /^spec\.containers\[0\]\.restartPolicy: Forbidden: may be set for init containers only/,
  );
});
