import { expect, test } from 'vitest';
import { podAmounts } from './pod-resources.ts';

function container(cpu: string, more = {}) {
  return { name: 'c', resources: { requests: { cpu } }, ...more };
}

test.each([
  ['containers add up', { containers: [container('1'), container('500m')] }, '1500m'],
  [
    'init containers run one by one',
    { containers: [container('1')], initContainers: [container('2'), container('3')] },
    '3',
  ],
  [
    'a sidecar runs beside containers and later init containers',
    {
      containers: [container('1')],
      initContainers: [container('1', { restartPolicy: 'Always' }), container('2')],
    },
    '3',
  ],
  ['overhead comes on top', { containers: [container('1')], overhead: { cpu: '100m' } }, '1100m'],
])('%s', (_, spec, cpu) => {
  expect(String(podAmounts(spec, 'requests').get('cpu'))).toBe(cpu);
});

test('overhead makes no limit where there is none', () => {
  expect(podAmounts({ containers: [], overhead: { cpu: '1' } }, 'limits').size).toBe(0);
});
