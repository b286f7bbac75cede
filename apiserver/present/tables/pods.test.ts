import { describe, expect, it } from 'vitest';
import type { JsonRecord } from '../json-record.ts';
import { podTable } from './pods.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const running = { running: {} };
const waiting = (reason: string) => ({ waiting: { reason } });
const exited = (exitCode: number, more: JsonRecord = {}) => ({ terminated: { exitCode, ...more } });
const minuteAgo = { terminated: { exitCode: 1, finishedAt: '2026-01-01T11:59:00Z' } };

interface Shape {
  readonly spec?: JsonRecord;
  readonly status?: JsonRecord;
  readonly metadata?: JsonRecord;
}

function pod({ spec, status, metadata }: Shape): JsonRecord {
  return {
    metadata: { name: 'p', creationTimestamp: '2026-01-01T11:00:00Z', ...metadata },
    spec: { containers: [{ name: 'a' }], ...spec },
    status: { phase: 'Running', ...status },
  };
}

/** Ready, Status, Restarts. */
function shown(shape: Shape) {
  return podTable.cells(pod(shape), nowMs).slice(1, 4);
}

function containers(...statuses: JsonRecord[]): Shape {
  return {
    spec: { containers: statuses.map((_, i) => ({ name: `c${i}` })) },
    status: { containerStatuses: statuses },
  };
}

describe('the table of pods', () => {
  it.each<[string, Shape, string[]]>([
    ['nothing known yet', { status: { phase: 'Pending' } }, ['0/1', 'Pending', '0']],
    ['all run', containers({ ready: true, state: running }), ['1/1', 'Running', '0']],
    [
      'one of two waits',
      containers(
        { ready: true, state: running },
        { restartCount: 4, state: waiting('CrashLoopBackOff') },
      ),
      ['1/2', 'CrashLoopBackOff', '4'],
    ],
    [
      'restarted a minute ago',
      containers({ ready: true, state: running, restartCount: 3, lastState: minuteAgo }),
      ['1/1', 'Running', '3 (60s ago)'],
    ],
    [
      'the first container has the last word',
      containers({ state: waiting('First') }, { state: waiting('Second') }),
      ['0/2', 'First', '0'],
    ],
    ['exit code', containers({ state: exited(3) }), ['0/1', 'ExitCode:3', '0']],
    ['signal', containers({ state: exited(0, { signal: 9 }) }), ['0/1', 'Signal:9', '0']],
    ['error', containers({ state: exited(1, { reason: 'Error' }) }), ['0/1', 'Error', '0']],
    [
      'completed beside a running one',
      containers({ state: exited(0, { reason: 'Completed' }) }, { ready: true, state: running }),
      ['1/2', 'NotReady', '0'],
    ],
    ['evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, ['0/1', 'Evicted', '0']],
    [
      'gated',
      {
        status: {
          phase: 'Pending',
          conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
        },
      },
      ['0/1', 'SchedulingGated', '0'],
    ],
    [
      'being deleted',
      {
        ...containers({ ready: true, state: running }),
        metadata: { deletionTimestamp: '2026-01-01T12:00:00Z' },
      },
      ['1/1', 'Terminating', '0'],
    ],
    [
      'being deleted on a lost node',
      { metadata: { deletionTimestamp: '2026-01-01T12:00:00Z' }, status: { reason: 'NodeLost' } },
      ['0/1', 'Unknown', '0'],
    ],
    [
      'stopped',
      {
        metadata: { annotations: { 'berth.dev/running': 'false' } },
        status: {
          phase: 'Pending',
          reason: 'Stopped',
          containerStatuses: [{ state: exited(143, { reason: 'Error' }) }],
        },
      },
      ['0/1', 'Stopped', '0'],
    ],
    [
      'still stopping',
      {
        ...containers({ ready: true, state: running }),
        metadata: { annotations: { 'berth.dev/running': 'false' } },
      },
      ['1/1', 'Running', '0'],
    ],
  ])('%s', (_name, shape, cells) => {
    expect(shown(shape)).toEqual(cells);
  });

  it('says how far initialization is', () => {
    const spec = { initContainers: [{ name: 'i0' }, { name: 'i1' }] };
    const init = (...initContainerStatuses: JsonRecord[]) =>
      shown({ spec, status: { phase: 'Pending', initContainerStatuses } });
    expect(init({ name: 'i0', state: exited(0) }, { name: 'i1', state: running })[1]).toBe(
      'Init:1/2',
    );
    expect(init({ name: 'i0', state: exited(7) })[1]).toBe('Init:ExitCode:7');
    expect(init({ name: 'i0', state: waiting('ErrImagePull') })[1]).toBe('Init:ErrImagePull');
    expect(init({ name: 'i0', state: waiting('PodInitializing'), restartCount: 2 })).toEqual([
      '0/1',
      'Init:0/2',
      '2',
    ]);
  });

  it('counts sidecars as containers', () => {
    const cells = shown({
      spec: { initContainers: [{ name: 'side', restartPolicy: 'Always' }] },
      status: {
        initContainerStatuses: [
          { name: 'side', ready: true, started: true, state: running, restartCount: 1 },
        ],
        containerStatuses: [{ ready: true, state: running, restartCount: 2 }],
      },
    });
    expect(cells).toEqual(['2/2', 'Running', '3']);
  });

  it('shows where it is when wide', () => {
    const wide = podTable.cells(
      pod({
        spec: { nodeName: 'n1', readinessGates: [{ conditionType: 'a' }, { conditionType: 'b' }] },
        status: { podIPs: [{ ip: '10.0.0.1' }], conditions: [{ type: 'a', status: 'True' }] },
      }),
      nowMs,
    );
    expect(wide.slice(4)).toEqual(['60m', '10.0.0.1', 'n1', '<none>', '1/2']);
    expect(podTable.columns).toHaveLength(wide.length);
  });

  it('marks rows of pods that have ended', () => {
    expect(podTable.conditions?.(pod({ status: { phase: 'Succeeded' } }))?.[0]).toMatchObject({
      type: 'Completed',
      reason: 'Succeeded',
    });
    expect(podTable.conditions?.(pod({}))).toBeUndefined();
  });
});
