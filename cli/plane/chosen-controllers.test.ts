import { expect, test } from 'vitest';
import { checkedControllers, controllersChosen } from './chosen-controllers.ts';

test('all run when nothing is said', () => {
  expect(controllersChosen()('scheduler')).toBe(true);
  expect(controllersChosen()('garbage-collector')).toBe(true);
});

test('the named ones run, or all but the named ones', () => {
  const two = controllersChosen('namespace, garbage-collector');
  expect([two('namespace'), two('garbage-collector'), two('scheduler')]).toEqual([
    true,
    true,
    false,
  ]);
  const others = controllersChosen('*,-scheduler');
  expect([others('namespace'), others('scheduler')]).toEqual([true, false]);
});

test('a name that is not there is refused with those that are', () => {
  expect(() => checkedControllers('*,-schedular')).toThrow(/no "schedular": scheduler, workload,/);
  expect(checkedControllers('*,-scheduler')).toBe('*,-scheduler');
});
