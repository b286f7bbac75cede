import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { validateProbes } from './probes.ts';

const exec = { exec: { command: ['true'] } };
const fieldsOf = (container: JsonObject, init = false) =>
  validateProbes(container, 'spec.containers[0]', init).map(({ field }) => field);

test.each<[string, JsonObject, readonly string[]]>([
  ['nothing', {}, []],
  [
    'one handler each',
    { livenessProbe: exec, readinessProbe: { ...exec, successThreshold: 3 } },
    [],
  ],
  ['no handler', { startupProbe: { periodSeconds: 1 } }, ['spec.containers[0].startupProbe']],
  [
    'two handlers',
    { livenessProbe: { ...exec, tcpSocket: { port: 80 } } },
    ['spec.containers[0].livenessProbe.tcpSocket'],
  ],
  [
    'liveness that must succeed twice',
    { livenessProbe: { ...exec, successThreshold: 2 } },
    ['spec.containers[0].livenessProbe.successThreshold'],
  ],
  [
    'a hook without a handler',
    { lifecycle: { preStop: {}, postStart: exec } },
    ['spec.containers[0].lifecycle.preStop'],
  ],
])('%s', (_case, container, fields) => {
  expect(fieldsOf(container)).toEqual(fields);
});

test('init containers have neither probes nor hooks', () => {
  const container = { readinessProbe: exec, lifecycle: { postStart: exec } };
  expect(fieldsOf(container, true)).toEqual([
    'spec.containers[0].readinessProbe',
    'spec.containers[0].lifecycle',
  ]);
});
