import { expect, test } from 'vitest';
import type { VM } from '../../api/kinds.gen.ts';
import { machineConditions } from './machine-conditions.ts';

const vm: VM = {
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { generation: 4 },
  spec: { resources: {} },
};
const none = { restart: [], failures: [], changed: false, agent: false, addresses: [] };

test('what is as it shall be says nothing', () => {
  expect(machineConditions(vm, none, 0)).toEqual([]);
});

test('an agent in the guest is told', () => {
  const [connected, ...more] = machineConditions(vm, { ...none, agent: true }, 0);
  expect(connected).toMatchObject({ type: 'AgentConnected', status: 'True' });
  expect(more).toEqual([]);
});

test('fields that wait are named, and what failed is told; the time is that of the first', () => {
  const changes = { ...none, restart: ['spec.boot', 'spec.cpu.max'], failures: ['a: no', 'b: no'] };
  const [restart, failed] = machineConditions(vm, changes, 1_000);
  expect(restart).toEqual({
    type: 'RestartRequired',
    status: 'True',
    reason: 'ChangedWhileRunning',
    message: 'waits for the next start: spec.boot, spec.cpu.max',
    observedGeneration: 4,
    lastTransitionTime: '1970-01-01T00:00:01Z',
  });
  expect(failed).toMatchObject({ type: 'Synchronized', status: 'False', message: 'a: no; b: no' });
  const later = { ...vm, status: { conditions: [restart!] } };
  const [again] = machineConditions(later, { ...none, restart: ['spec.boot'] }, 9_000);
  expect(again).toMatchObject({
    message: 'waits for the next start: spec.boot',
    lastTransitionTime: '1970-01-01T00:00:01Z',
  });
});
