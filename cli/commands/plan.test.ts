import { expect, it } from 'vitest';
import { planText } from './plan.ts';

const unplaced = (instance: string, message = 'full') => ({
  kind: 'Workload',
  name: 'web',
  instance,
  outcome: 'Unplaced',
  message,
});

it('tells instances that find no node for one reason in one row', () => {
  const placed = { kind: 'Workload', name: 'web', instance: '1', outcome: 'Placed', node: 'n1' };
  const placements = [placed, unplaced('2'), unplaced('3'), unplaced('4', 'other'), unplaced('5')];
  const text = planText({ message: 'all in all', placements });
  expect(text.split('\n').map((line) => line.replace(/ {2,}/g, '|'))).toEqual([
    'OBJECT|INSTANCE|OUTCOME|NODE|WHY',
    'workload/web|1|Placed|n1',
    'workload/web|2 … 3|Unplaced|<none>|full',
    'workload/web|4|Unplaced|<none>|other',
    'workload/web|5|Unplaced|<none>|full',
    '',
    'all in all',
    '',
  ]);
});

it('says what would not be accepted, and what is not placed anywhere', () => {
  const problems = [{ object: 'VM/db', message: 'no disk' }];
  expect(planText({ message: '1', problems })).toBe(
    'Would not be accepted:\n  VM/db: no disk\n\n1\n',
  );
  expect(planText({ message: '0' })).toMatch(/nothing in it is placed on a node/);
});
