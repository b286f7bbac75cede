/** Checks the running containers of this node, each probe in its own loop. */
import { setMaxListeners } from 'node:events';
import type { ContainerStatus, Probe } from '../../api/kinds.gen.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { Slots } from '../../lib/slots.ts';
import { checkProbe } from './check.ts';
import type { CheckOutcome } from './outcome.ts';
import {
  afterCheck,
  type ContainerHealth,
  type ContainerProbeSpecs,
  firstHealth,
  type HealthState,
  healthOf,
  isProbed,
  type ProbeKind,
  probesOf,
} from './probe-state.ts';
import type { ContainerTarget } from './target.ts';

/** Checks at the same time; commands cost the engine much more than connections. */
const concurrency = { exec: 16, network: 128 } as const;

export interface ProberOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  /** What is known of the pod's containers has changed. */
  readonly changed: (uid: string) => void;
}

export interface FollowedTarget extends ContainerTarget {
  /** What the API says of this very container, where it has heard of it. */
  readonly reported: ContainerStatus | undefined;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #slots = {
    exec: new Slots(concurrency.exec),
    network: new Slots(concurrency.network),
  };
  /** By pod, then by container id. */
  readonly #followed = new Map<string, Map<string, FollowedContainer>>();
  readonly #loops = new Set<Promise<void>>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /**
   * How the pod's running containers are, by name. Begins with those that are new, ends what is
   * no longer among them.
   */
  follow(uid: string, targets: readonly FollowedTarget[]): ReadonlyMap<string, ContainerHealth> {
    const known = this.#followed.get(uid) ?? new Map<string, FollowedContainer>();
    const ids = new Set(targets.map((each) => each.containerId));
    for (const [id, one] of known) {
      if (ids.has(id)) continue;
      one.stop.abort();
      known.delete(id);
    }
    const health = new Map<string, ContainerHealth>();
    for (const target of targets) {
      const one = known.get(target.containerId) ?? this.#begin(target);
      known.set(target.containerId, one);
      one.target = target;
      health.set(target.container.name, healthOf(one.health));
    }
    if (known.size === 0) this.#followed.delete(uid);
    else this.#followed.set(uid, known);
    return health;
  }

  /** Ends all checks of a pod. */
  drop(uid: string): void {
    this.follow(uid, []);
  }

  /** Ends all checks; resolves when none is under way. */
  async close(): Promise<void> {
    for (const uid of [...this.#followed.keys()]) this.drop(uid);
    await Promise.all(this.#loops);
  }

  #begin(target: FollowedTarget): FollowedContainer {
    const probes = probesOf(target.container);
    const health = firstHealth(probes, target.reported);
    const adopted = target.reported !== undefined;
    const one = { target, probes, health, adopted, stop: new AbortController() };
    setMaxListeners(0, one.stop.signal);
    this.#launch(one);
    return one;
  }

  /** Starts the loops that are due: all but startup wait until the container has started. */
  #launch(one: FollowedContainer): void {
    for (const kind of ['startup', 'liveness', 'readiness'] as const) {
      const probe = one.probes[kind];
      if (probe === undefined || !isProbed(one.health, kind)) continue;
      const loop = this.#loop(one, kind, probe).catch((error) => {
        if (one.stop.signal.aborted) return;
        const { uid, container } = one.target;
        this.#options.log.error({ err: error, uid, container: container.name }, 'probe ended');
      });
      this.#loops.add(loop);
      void loop.finally(() => this.#loops.delete(loop));
    }
  }

  async #loop(one: FollowedContainer, kind: ProbeKind, probe: Probe): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = one.stop;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const dueAtMs = one.target.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000;
    // An agent that starts again must not check everything at the same moment.
    const spreadMs = one.adopted ? random.fraction() * periodMs : 0;
    const waitMs = Math.max(dueAtMs - clock.now(), spreadMs);
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    while (isProbed(one.health, kind)) {
      const slots = this.#slots[probe.exec === undefined ? 'network' : 'exec'];
      let beganMs = clock.now();
      const check = () => {
        beganMs = clock.now();
        return checkProbe(probe, one.target, clock, { signal });
      };
      const outcome = await slots.hold(check, { signal });
      signal.throwIfAborted();
      this.#apply(one, kind, probe, outcome);
      if (!isProbed(one.health, kind)) return;
      const restMs = beganMs + periodMs - clock.now();
      if (restMs > 0) await clock.sleep(restMs, signal);
    }
  }

  #apply(one: FollowedContainer, kind: ProbeKind, probe: Probe, outcome: CheckOutcome): void {
    this.#tell(one, kind, outcome);
    if (outcome.type === 'error') return;
    const before = healthOf(one.health);
    const result = outcome.type === 'failure' ? 'failure' : 'success';
    one.health = afterCheck(one.health, kind, result, probe);
    const after = healthOf(one.health);
    if (after.started && !before.started) this.#launch(one);
    const same =
      before.started === after.started &&
      before.ready === after.ready &&
      before.failed === after.failed;
    if (!same) this.#options.changed(one.target.uid);
  }

  #tell({ target }: FollowedContainer, kind: ProbeKind, outcome: CheckOutcome): void {
    if (outcome.type === 'success') return;
    const { events } = this.#options;
    const title = titles[kind];
    const words = {
      warning: `${title} probe warning: ${outcome.message}`,
      failure: `${title} probe failed: ${outcome.message}`,
      error: `${title} probe errored and resulted in unknown state: ${outcome.message}`,
    };
    events.recordEvent({
      involvedObject: target.pod,
      type: 'Warning',
      reason: outcome.type === 'warning' ? 'ProbeWarning' : 'Unhealthy',
      message: words[outcome.type],
    });
  }
}

const titles = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

interface FollowedContainer {
  target: FollowedTarget;
  readonly probes: ContainerProbeSpecs;
  health: HealthState;
  readonly adopted: boolean;
  readonly stop: AbortController;
}
