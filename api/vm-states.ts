/** What may be asked of a virtual machine in which state. Pure: nodes and the command line ask one table. */

export const machineStates = [
  /** Nothing of it is there yet. */
  'absent',
  'running',
  /** Halted where it is; its memory is kept. */
  'paused',
  /** Asleep by its own wish (ACPI S3). */
  'sleeping',
  /** On its way to its end. */
  'stopping',
  'stopped',
  /** Stopped, with its memory on disk. */
  'saved',
] as const;
export type MachineState = (typeof machineStates)[number];

export const machineVerbs = [
  'start',
  'stop',
  'suspend',
  'resume',
  'save',
  'reboot',
  'reset',
  'discard',
  'snapshot',
  'restore',
  'capture',
  'vnc',
] as const;
export type MachineVerb = (typeof machineVerbs)[number];

/** Those that are done once, because somebody says so now: subresources of a VM. */
export const machineActions = [
  'reboot',
  'reset',
  'discard',
] as const satisfies readonly MachineVerb[];
export type MachineAction = (typeof machineActions)[number];

/** What else is asked of a machine's node: with a snapshot by its uid, or a file. */
export const machineRequests = [
  ...machineActions,
  'snapshot',
  'unsnapshot',
  'restore',
  'capture',
] as const;
export type MachineRequest = (typeof machineRequests)[number];

/** `do`; `already` as it shall be; or why it cannot be. */
type Cell = 'do' | 'already' | { readonly refused: string };

const refused = (why: string): Cell => ({ refused: why });
const absent = refused('it is not there yet: see its events for why');
const off = refused('it does not run: start it first');
const held = refused('it is paused: resume it first');
const asleep = refused('it sleeps: wake it inside, or reset it');
const ending = refused('it is about to end: wait until it has');
const kept = refused('its memory is saved: start it first, or discard what is saved');
const notSaved = refused('nothing of it is saved');

type Row = Readonly<Record<MachineState, Cell>>;

/** Whatever is not named needs a guest that runs. */
const row = (cells: Partial<Row>): Row => ({
  absent,
  running: 'do',
  paused: held,
  sleeping: asleep,
  stopping: ending,
  stopped: off,
  saved: kept,
  ...cells,
});

const table: Readonly<Record<MachineVerb, Row>> = {
  start: row({
    absent: 'do',
    running: 'already',
    paused: 'already',
    sleeping: 'already',
    stopped: 'do',
    saved: 'do',
  }),
  stop: row({
    absent: 'already',
    paused: 'do',
    sleeping: 'do',
    stopping: 'already',
    stopped: 'already',
    saved: 'already',
  }),
  suspend: row({ paused: 'already' }),
  resume: row({ running: 'already', paused: 'do' }),
  save: row({ paused: 'do', saved: 'already' }),
  reboot: row({}),
  reset: row({ paused: 'do', sleeping: 'do' }),
  discard: row({
    running: notSaved,
    paused: notSaved,
    sleeping: notSaved,
    stopping: notSaved,
    stopped: notSaved,
    saved: 'do',
  }),
  snapshot: row({ paused: 'do', stopped: 'do' }),
  restore: row({ paused: 'do', sleeping: 'do', stopped: 'do' }),
  capture: row({ paused: 'do', sleeping: 'do', stopped: 'do' }),
  vnc: row({ paused: 'do', sleeping: 'do', stopping: 'do' }),
};

export function cellOf(verb: MachineVerb, state: MachineState): Cell {
  return table[verb][state];
}

/** Why the verb is refused in that state; `undefined` when it is not. */
export function refusalOf(verb: MachineVerb, state: MachineState): string | undefined {
  const cell = cellOf(verb, state);
  return typeof cell === 'string' ? undefined : `cannot ${verb} a machine: ${cell.refused}`;
}

/** The phase that tells of a state, where one does by itself. */
const phases: Readonly<Record<string, MachineState>> = {
  Running: 'running',
  Paused: 'paused',
  Sleeping: 'sleeping',
  Saved: 'saved',
  Stopping: 'stopping',
  Stopped: 'stopped',
  Succeeded: 'stopped',
  Failed: 'stopped',
};

/** What `status.phase` says of the machine; nodes know better. */
export function stateOfPhase(phase: string | undefined): MachineState {
  return phases[phase ?? ''] ?? 'absent';
}
