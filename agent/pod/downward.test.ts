import { expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { fieldValue, resourceValue } from './downward.ts';

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    labels: { b: '2', a: 'say "hi"' },
    annotations: { 'example.com/x': 'y' },
  },
  spec: {
    containers: [
      { name: 'main', resources: { limits: { cpu: '1500m', memory: '64Mi' }, requests: {} } },
      { name: 'bare' },
    ],
  },
};
const facts = {
  nodeName: 'node-1',
  hostIp: '192.0.2.1',
  allocatable: { cpu: parseQuantity('4'), memory: parseQuantity('8Gi') },
};
const main = pod.spec.containers[0]!;

test.each([
  ['metadata.name', 'web'],
  ['metadata.namespace', 'shop'],
  ['metadata.uid', 'u1'],
  ["metadata.labels['b']", '2'],
  ["metadata.labels['absent']", ''],
  ["metadata.annotations['example.com/x']", 'y'],
  ['metadata.labels', 'a="say \\"hi\\""\nb="2"'],
  ['spec.nodeName', 'node-1'],
  ['spec.serviceAccountName', 'default'],
  ['status.hostIP', '192.0.2.1'],
])('%s', (fieldPath, expected) => {
  expect(fieldValue({ fieldPath }, pod, facts)).toBe(expected);
});

test('fields that cannot be known are refused', () => {
  for (const fieldPath of ['status.podIP', 'spec.containers', '']) {
    expect(() => fieldValue({ fieldPath }, pod, facts)).toThrow(/./);
  }
  const host: Pod = { ...pod, spec: { ...pod.spec, hostNetwork: true } };
  expect(fieldValue({ fieldPath: 'status.podIP' }, host, facts)).toBe('192.0.2.1');
  const podIp = '10.66.0.7';
  expect(fieldValue({ fieldPath: 'status.podIP' }, pod, { ...facts, podIp })).toBe(podIp);
});

test.each([
  ['limits.cpu', undefined, undefined, '2'],
  ['limits.cpu', '1m', undefined, '1500'],
  ['limits.memory', '1Mi', undefined, '64'],
  ['requests.memory', undefined, undefined, String(64 * 2 ** 20)],
  ['limits.cpu', undefined, 'bare', '4'],
  ['requests.cpu', undefined, 'bare', '0'],
])('%s by %s of %s', (resource, divisor, containerName, expected) => {
  const selector = {
    resource,
    ...(divisor === undefined ? {} : { divisor }),
    ...(containerName === undefined ? {} : { containerName }),
  };
  expect(resourceValue(selector, main, pod, facts)).toBe(expected);
});
