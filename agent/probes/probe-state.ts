/**
 * What a container's probes say about it, as values: thresholds, and startup before the other two.
 * Pure. Source: Kubernetes "Configure Liveness, Readiness and Startup Probes"; kubelet's prober.
 */
import type { Container, ContainerStatus, Probe } from '../../api/kinds.gen.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export type ContainerProbeSpecs = Readonly<Partial<Record<ProbeKind, Probe>>>;

interface ProbeState {
  /** What counts; changes only when a threshold is reached. */
  readonly result: 'unknown' | 'success' | 'failure';
  readonly last?: 'success' | 'failure';
  /** How often `last` came in a row. */
  readonly run: number;
}

export interface HealthState {
  readonly started: boolean;
  readonly states: Readonly<Partial<Record<ProbeKind, ProbeState>>>;
}

export interface ContainerHealth {
  readonly started: boolean;
  readonly ready: boolean;
  /** The probe because of which the container must end. */
  readonly failed?: 'startup' | 'liveness';
}

export function probesOf({
  startupProbe,
  livenessProbe,
  readinessProbe,
}: Container): ContainerProbeSpecs {
  return {
    ...(startupProbe === undefined ? {} : { startup: startupProbe }),
    ...(livenessProbe === undefined ? {} : { liveness: livenessProbe }),
    ...(readinessProbe === undefined ? {} : { readiness: readinessProbe }),
  };
}

/**
 * Before the first check. `reported` is what the API says of the same container, where an agent
 * before this one has told it: what was ready stays so until checks prove the opposite.
 */
export function firstHealth(
  probes: ContainerProbeSpecs,
  reported: Pick<ContainerStatus, 'started' | 'ready'> | undefined,
): HealthState {
  const started = probes.startup === undefined || reported?.started === true;
  const wasReady = started && reported?.ready === true;
  return {
    started,
    states: {
      ...(probes.startup === undefined
        ? {}
        : { startup: { result: started ? 'success' : 'unknown', run: 0 } }),
      ...(probes.liveness === undefined ? {} : { liveness: { result: 'success', run: 0 } }),
      ...(probes.readiness === undefined
        ? {}
        : { readiness: { result: wasReady ? 'success' : 'failure', run: 0 } }),
    },
  };
}

/** Whether checks of that kind are to be made now. */
export function isProbed({ started, states }: HealthState, kind: ProbeKind): boolean {
  const state = states[kind];
  if (state === undefined) return false;
  switch (kind) {
    case 'startup':
      return state.result === 'unknown';
    case 'liveness':
      return started && state.result !== 'failure' && states.startup?.result !== 'failure';
    case 'readiness':
      return started;
  }
}

/** The state after one check; a check that was not due changes nothing. */
export function afterCheck(
  health: HealthState,
  kind: ProbeKind,
  outcome: 'success' | 'failure',
  probe: Probe,
): HealthState {
  const before = health.states[kind];
  if (before === undefined || !isProbed(health, kind)) return health;
  const run = before.last === outcome ? before.run + 1 : 1;
  const reached = run >= threshold(kind, outcome, probe);
  const state: ProbeState = { result: reached ? outcome : before.result, last: outcome, run };
  return {
    started: health.started || (kind === 'startup' && state.result === 'success'),
    states: { ...health.states, [kind]: state },
  };
}

function threshold(kind: ProbeKind, outcome: 'success' | 'failure', probe: Probe): number {
  if (outcome === 'failure') return probe.failureThreshold ?? 3;
  return kind === 'readiness' ? (probe.successThreshold ?? 1) : 1;
}

export function healthOf({ started, states }: HealthState): ContainerHealth {
  const failed =
    states.startup?.result === 'failure'
      ? 'startup'
      : states.liveness?.result === 'failure'
        ? 'liveness'
        : undefined;
  return {
    started,
    ready: started && (states.readiness === undefined || states.readiness.result === 'success'),
    ...(failed === undefined ? {} : { failed }),
  };
}
