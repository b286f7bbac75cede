import { expect, test } from 'vitest';
import { mergePatch } from './json.ts';

test('a merge patch names what changes and what is gone, at any depth', () => {
  const before = {
    same: { a: 1 },
    gone: 'x',
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'later' } },
    last: { terminated: { exitCode: 1, message: 'why' } },
    list: [{ a: 1 }],
  };
  const after = {
    same: { a: 1 },
    state: { running: { startedAt: 'now' } },
    last: { terminated: { exitCode: 0 } },
    list: [{ b: 2 }],
    more: {},
  };
  expect(mergePatch(before, after)).toEqual({
    gone: null,
    state: { waiting: null, running: { startedAt: 'now' } },
    last: { terminated: { exitCode: 0, message: null } },
    list: [{ b: 2 }],
    more: {},
  });
  expect(mergePatch(after, { ...after, none: undefined as never })).toEqual({});
});
