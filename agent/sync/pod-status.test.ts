import { describe, expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import type { SeenContainer } from '../pod/pod-view.ts';
import { podStatus } from './pod-status.ts';

type Policy = 'Always' | 'OnFailure' | 'Never';

const running: SeenContainer = {
  attempt: 0,
  state: { phase: 'running', startedAtMs: 0 },
  containerId: 'docker://1',
};

function ended(exitCode: number): SeenContainer {
  const state = {
    phase: 'exited',
    exitCode,
    oomKilled: false,
    startedAtMs: 0,
    finishedAtMs: 5,
  } as const;
  return { attempt: 0, state, containerId: 'docker://1' };
}

function podOf(restartPolicy: Policy, count: number): Pod {
  const containers = Array.from({ length: count }, (_, i) => ({ name: `c${i}`, image: 'app:1' }));
  const metadata = { name: 'web', namespace: 'default' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { restartPolicy, containers } };
}

function statusOf(restartPolicy: Policy, seen: readonly (SeenContainer | undefined)[]) {
  const pod = podOf(restartPolicy, seen.length);
  const containers = new Map(
    seen.flatMap((each, i) => (each === undefined ? [] : [[`c${i}`, each] as const])),
  );
  const view = { ips: ['10.0.0.1'], containers };
  return podStatus({ pod, view, waiting: new Map(), stopped: false, hostIp: '', nowMs: 0 });
}

describe('phase', () => {
  test.each<[Policy, (SeenContainer | undefined)[], string]>([
    ['Always', [undefined], 'Pending'],
    ['Always', [running, undefined], 'Pending'],
    ['Always', [running, running], 'Running'],
    ['Always', [running, ended(0)], 'Running'],
    ['Always', [ended(0)], 'Running'],
    ['OnFailure', [ended(0), ended(0)], 'Succeeded'],
    ['OnFailure', [ended(0), ended(1)], 'Running'],
    ['Never', [ended(0), running], 'Running'],
    ['Never', [ended(1), running], 'Running'],
    ['Never', [ended(0), ended(0)], 'Succeeded'],
    ['Never', [ended(0), ended(3)], 'Failed'],
  ])('%s %#: %s', (policy, seen, phase) => {
    expect(statusOf(policy, seen).phase).toBe(phase);
  });
});

test('readiness names what is not ready', () => {
  const conditions = statusOf('Always', [running, ended(1)]).conditions ?? [];
  expect(conditions.find(({ type }) => type === 'Ready')).toEqual({
    type: 'Ready',
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [c1]',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  });
});

test('a condition keeps its time while its status stays', () => {
  const pod = podOf('Always', 1);
  const lastTransitionTime = '2001-01-01T00:00:00Z';
  const conditions = [{ type: 'Ready', status: 'True' as const, lastTransitionTime }];
  const view = { ips: [], containers: new Map([['c0', running]]) };
  const input = { view, waiting: new Map(), stopped: false, hostIp: '', nowMs: 0 };
  const status = podStatus({ ...input, pod: { ...pod, status: { conditions } } });
  const times = Object.fromEntries(
    (status.conditions ?? []).map((each) => [each.type, each.lastTransitionTime]),
  );
  expect(times).toMatchObject({ Ready: lastTransitionTime, Initialized: '1970-01-01T00:00:00Z' });
});

test('a waiting container shows how it ended before', () => {
  const pod = podOf('Always', 1);
  const view = { ips: [], containers: new Map([['c0', ended(9)]]) };
  const waiting = new Map([['c0', { reason: 'CrashLoopBackOff', message: 'back-off' }]]);
  const status = podStatus({ pod, view, waiting, stopped: false, hostIp: '', nowMs: 0 });
  expect(status.containerStatuses?.[0]).toMatchObject({
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 9, reason: 'Error' } },
    ready: false,
  });
  expect(status.phase).toBe('Running');
});

test('what its containers share is told of where it failed, until it is there', () => {
  const pod = podOf('Always', 1);
  const input = { waiting: new Map(), stopped: false, hostIp: '', nowMs: 0 };
  const view = { ips: [], containers: new Map() };
  const sandboxFailure = { reason: 'AddressInUse', message: 'in use by 02:be:0a:00:00:07' };
  const sandbox = (status: Pod['status'] & object) =>
    status.conditions?.find(({ type }) => type === 'PodReadyToStartContainers');
  const failed = podStatus({ ...input, pod, view, sandboxFailure });
  expect(sandbox(failed)).toMatchObject({ status: 'False', ...sandboxFailure });
  const mended = podStatus({ ...input, pod: { ...pod, status: failed }, view });
  expect(sandbox(mended)).toMatchObject({ status: 'True' });
  expect(sandbox(mended)).not.toHaveProperty('reason');
  expect(sandbox(podStatus({ ...input, pod, view }))).toBeUndefined();
});
