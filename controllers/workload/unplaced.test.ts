import { expect, test } from 'vitest';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { nodes, pods, workloads } from '../../api/resources.gen.ts';
import { object } from '../../test/harness/fake-objects.ts';
import { unplacedMax, unplacedOf } from './unplaced.ts';

const waiting = (reason: string, more: JsonObject = {}) =>
  object(pods, 'a/web', {
    spec: { containers: [], ...more },
    status: { conditions: [{ type: 'PodScheduled', status: 'False', reason }] },
  }) as unknown as Pod;

const workload = (placement: JsonObject) =>
  object(workloads, 'a/web', { spec: { placement } }) as unknown as Workload;

const node = (most: string) =>
  object(nodes, 'n', { status: { allocatable: { pods: most } } }) as unknown as Node;

test('who has a node, is held back or was not looked at does not count', () => {
  const all = [
    waiting('Unschedulable'),
    waiting('SchedulingGated'),
    waiting('Unschedulable', { nodeName: 'n' }),
    object(pods, 'a/new', { spec: { containers: [] } }) as unknown as Pod,
  ];
  expect(unplacedOf(workload({}), all, [])).toEqual({ count: 1, room: unplacedMax - 1 });
});

test('those that find their nodes together may be as many as all nodes hold', () => {
  const all = Array.from({ length: 600 }, () => waiting('Unschedulable'));
  const many = [node('500'), node('500')];
  expect(unplacedOf(workload({}), all, many).room).toBe(0);
  expect(unplacedOf(workload({ gang: { minMember: 700 } }), all, many).room).toBe(400);
  expect(unplacedOf(workload({ strategy: 'Each', perNode: 400 }), all, many).room).toBe(400);
  expect(unplacedOf(workload({ gang: { minMember: 700 } }), all, [node('110')]).room).toBe(0);
});
