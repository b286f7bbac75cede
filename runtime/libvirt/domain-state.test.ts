import { expect, test } from 'vitest';
import { exitCodeOf, isStarting, isUp, machineStateOf } from './domain-state.ts';

const off = (reason: Parameters<typeof exitCodeOf>[0]['reason']) =>
  ({ state: 'shutoff', reason }) as const;

test('a start that libvirtd died in is no end, whatever libvirt says of it later', () => {
  for (const reason of ['daemon', 'crashed', 'destroyed', 'other'] as const) {
    expect(exitCodeOf(off(reason), false)).toBeUndefined();
  }
});

test('one that ended by itself has run, although nobody noted its start', () => {
  expect(exitCodeOf(off('shutdown'), false)).toBe(0);
});

test.each([
  [off('shutdown'), 0],
  [off('saved'), 0],
  [off('crashed'), 1],
  [{ state: 'crashed', reason: 'other' } as const, 1],
  [off('destroyed'), 137],
  [off('daemon'), 137],
  [off('other'), 255],
])('%o has ended with %i', (told, code) => {
  expect(exitCodeOf(told, true)).toBe(code);
});

test('one that is being started is up, but not there yet', () => {
  const starting = { state: 'paused', reason: 'startingUp' } as const;
  expect([isUp(starting), isStarting(starting)]).toEqual([true, true]);
  expect(machineStateOf(starting)).toBe('absent');
  const halted = { state: 'paused', reason: 'other' } as const;
  expect([isUp(halted), isStarting(halted)]).toEqual([true, false]);
  expect(machineStateOf(halted)).toBe('paused');
});
