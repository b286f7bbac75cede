import { expect, it } from 'vitest';
import { request } from '../engine/testing.ts';
import { poolReach } from './pool-reach.ts';

const facts = (labels: Record<string, string>) => ({ name: 'n', labels, ownerCount: 0 });
const pools = [
  { name: 'lan', nodeSelector: [['rack', 'a']] as const },
  { name: 'wan', nodeSelector: [['uplink', 'yes']] as const },
];

it('asks nothing of who has no address, or one that is reached from everywhere', () => {
  expect(poolReach.applies(request('p'))).toBe(false);
});

it('names the pools that a node does not reach, and the labels that it lacks', () => {
  const asked = request('p', {}, { pools });
  expect(poolReach.applies(asked)).toBe(true);
  expect(poolReach.refuse(asked, facts({ rack: 'a', uplink: 'yes' }))).toBeUndefined();
  expect(poolReach.refuse(asked, facts({ rack: 'b', uplink: 'yes' }))).toEqual({
    type: 'rule',
    rule: 'poolReach',
    reason: "node(s) don't reach ippool lan",
    changes: [{ type: 'label', label: 'rack', value: 'a' }],
  });
  expect(poolReach.refuse(asked, facts({}))?.reason).toBe("node(s) don't reach ippool lan, wan");
});
