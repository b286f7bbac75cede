import { expect, test } from 'vitest';
import { cellOf, machineStates, machineVerbs, refusalOf, stateOfPhase } from './vm-states.ts';

/** `+` does it, `=` is so already, `-` is refused; in the order of `machineStates`. */
const cells = {
  //         absent running paused sleeping stopping stopped saved
  start: '+ = = = - + +',
  stop: '= + + + = = =',
  suspend: '- + = - - - -',
  resume: '- = + - - - -',
  save: '- + + - - - =',
  reboot: '- + - - - - -',
  reset: '- + + + - - -',
  discard: '- - - - - - +',
  snapshot: '- + + - - + -',
  restore: '- + + + - + -',
  capture: '- + + + - + -',
  vnc: '- + + + + - -',
};

test.each(machineVerbs)('%s, in every state', (verb) => {
  const signs = machineStates.map((state) => {
    const cell = cellOf(verb, state);
    return cell === 'do' ? '+' : cell === 'already' ? '=' : '-';
  });
  expect(signs.join(' ')).toBe(cells[verb]);
});

test('what is refused says why, and what to do', () => {
  expect(refusalOf('reboot', 'running')).toBeUndefined();
  expect(refusalOf('resume', 'running')).toBeUndefined();
  expect(refusalOf('reboot', 'stopped')).toBe(
    'cannot reboot a machine: it does not run: start it first',
  );
  expect(refusalOf('save', 'saved')).toBeUndefined();
  expect(refusalOf('discard', 'running')).toContain('nothing of it is saved');
});

test('phases name states, and whatever has not been is absent', () => {
  expect(stateOfPhase('Paused')).toBe('paused');
  expect(stateOfPhase('Failed')).toBe('stopped');
  expect(stateOfPhase('Starting')).toBe('absent');
  expect(stateOfPhase(undefined)).toBe('absent');
});
