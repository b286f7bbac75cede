import { expect, test } from 'vitest';
import type { PodStatus, VM } from './kinds.gen.ts';
import { cpusOf, type InstancePodStatus, isVm, podOfVm, vmStatusOf } from './vm-instance.ts';

const vm: VM = {
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { name: 'db', namespace: 'default', uid: 'u', generation: 3 },
  spec: {
    resources: { requests: { cpu: '1500m', memory: '1Gi' } },
    nodeName: 'n1',
    allocation: { cpu: [1] },
    nodeSelector: { disk: 'ssd' },
  },
};

test('a VM is an instance with one container, and stays a VM', () => {
  const pod = podOfVm(vm);
  expect(isVm(pod)).toBe(true);
  expect(pod.kind).toBe('VM');
  expect(pod.spec).toMatchObject({
    runtimeClassName: 'libvirt',
    nodeName: 'n1',
    nodeSelector: { disk: 'ssd' },
    terminationGracePeriodSeconds: 60,
    containers: [{ name: 'vm', resources: vm.spec.resources }],
  });
  expect(pod.metadata.annotations).toEqual({
    'berth.dev/running': 'true',
    'berth.dev/allocation': '{"cpu":[1]}',
  });
});

test('its probes are those of the guest', () => {
  const readinessProbe = { tcpSocket: { port: 22 } };
  const [guest] = podOfVm({ ...vm, spec: { ...vm.spec, readinessProbe } }).spec.containers;
  expect(guest).toMatchObject({ readinessProbe });
  expect(guest).not.toHaveProperty('livenessProbe');
});

test.each([
  ['1', 1],
  ['1500m', 2],
  ['0', 1],
  [undefined, 1],
])('a request of %s makes %i CPUs', (cpu, count) => {
  const requests = cpu === undefined ? {} : { cpu };
  expect(cpusOf({ ...vm, spec: { resources: { requests } } })).toBe(count);
});

const startedAt = '2026-01-01T00:00:00Z';
const guest = { name: 'vm', image: '', imageID: '', ready: true, restartCount: 2 };
const running: PodStatus = {
  phase: 'Running',
  podIPs: [{ ip: '10.0.0.1' }],
  containerStatuses: [
    { ...guest, containerID: 'libvirt://d/2', state: { running: { startedAt } } },
  ],
  conditions: [
    { type: 'Ready', status: 'True', lastTransitionTime: startedAt },
    { type: 'Initialized', status: 'True', lastTransitionTime: startedAt },
  ],
};

test('what an agent says of it, in the words of a machine', () => {
  expect(vmStatusOf(running, vm)).toEqual({
    phase: 'Running',
    observedGeneration: 3,
    addresses: ['10.0.0.1'],
    domain: 'libvirt://d/2',
    restarts: 2,
    state: { running: { startedAt } },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        lastTransitionTime: startedAt,
        reason: 'Ready',
        message: '',
      },
    ],
  });
});

test('its phases', () => {
  const phase = (status: PodStatus, more: Partial<VM['metadata']> = {}) =>
    vmStatusOf(status, { metadata: { ...vm.metadata, ...more } }).phase;
  const waiting = (reason: string): PodStatus => ({
    phase: 'Pending',
    containerStatuses: [{ ...guest, state: { waiting: { reason } } }],
  });
  expect(phase({ phase: 'Pending' })).toBe('Pending');
  expect(phase(waiting('ContainerCreating'))).toBe('Starting');
  expect(phase(waiting('CreateContainerConfigError'))).toBe('Pending');
  expect(phase({ ...running, reason: 'Stopped' })).toBe('Stopping');
  expect(phase({ phase: 'Pending', reason: 'Stopped' })).toBe('Stopped');
  expect(phase({ phase: 'Failed' })).toBe('Failed');
  expect(phase(running, { deletionTimestamp: startedAt })).toBe('Stopping');
});

test('an agent finds in it what it had written', () => {
  const status = vmStatusOf(running, vm);
  const again = podOfVm({ ...vm, status });
  expect(again.status?.phase).toBe('Running');
  expect(again.status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 2,
    containerID: 'libvirt://d/2',
    state: { running: { startedAt } },
    ready: true,
  });
  const stopped = vmStatusOf({ phase: 'Pending', reason: 'Stopped' }, vm);
  expect(podOfVm({ ...vm, status: stopped }).status?.reason).toBe('Stopped');
});

test('a guest that does nothing: halted, or saved', () => {
  const unready = {
    ...running,
    conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }],
  } as const;
  const paused = vmStatusOf({ ...unready, machine: { state: 'paused', trouble: 'no space' } }, vm);
  expect(paused).toMatchObject({ phase: 'Paused', reason: 'Trouble', message: 'no space' });
  expect(paused.conditions).toMatchObject([
    { type: 'Ready', status: 'False', reason: 'Paused', message: 'the guest is paused' },
  ]);
  const saved: InstancePodStatus = {
    phase: 'Pending',
    reason: 'Stopped',
    machine: { state: 'saved' },
  };
  expect(vmStatusOf(saved, vm).phase).toBe('Saved');
  // Both come back as what the agent wrote.
  const back = (status: VM['status'] & object) => podOfVm({ ...vm, status }).status;
  expect(back(paused)?.phase).toBe('Running');
  expect(back({ phase: 'Saved' })?.reason).toBe('Stopped');
});

test("addresses that the guest's agent tells come after those known before", () => {
  const machine = { state: 'running', addresses: ['10.0.0.9', '10.0.0.1'] } as const;
  expect(vmStatusOf({ ...running, machine }, vm).addresses).toEqual(['10.0.0.1', '10.0.0.9']);
});

test('why a start failed counts more than that the next one waits', () => {
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s' };
  const ended = { exitCode: 128, message: '/absent: no such file' };
  const containerStatuses = [
    { ...guest, state: { waiting }, lastState: { terminated: ended } },
  ] as const;
  expect(vmStatusOf({ phase: 'Running', containerStatuses }, vm)).toMatchObject({
    phase: 'Pending',
    reason: 'CrashLoopBackOff',
    message: '/absent: no such file',
  });
});
