import type Docker from 'dockerode';
import { expect, test } from 'vitest';
import { memoryDoubtMs } from './status.ts';

const finished = Date.UTC(2026, 0, 1);

function ended(state: object, limit = 16 << 20): Docker.ContainerInspectInfo {
  const FinishedAt = new Date(finished).toISOString();
  const State = { Status: 'exited', ExitCode: 137, OOMKilled: false, FinishedAt, ...state };
  return { State, HostConfig: { Memory: limit } } as Docker.ContainerInspectInfo;
}

test('who was killed just now, and has a limit of memory, may have gone beyond it', () => {
  expect(memoryDoubtMs(ended({}), finished + 100)).toBe(200);
  expect(memoryDoubtMs(ended({}), finished + 400)).toBeLessThanOrEqual(0);
  // Another machine's clock.
  expect(memoryDoubtMs(ended({}), finished - 10_000)).toBe(300);
});

test.each([
  ['it is known', ended({ OOMKilled: true })],
  ['it ended by itself', ended({ ExitCode: 1 })],
  ['it runs', ended({ Status: 'running' })],
  ['it has no limit', ended({}, 0)],
])('%s: there is no doubt', (_, info) => {
  expect(memoryDoubtMs(info, finished)).toBe(0);
});
