/** What a decider works with. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Engine } from '../engine/engine.ts';
import type { PlacementRequest } from '../engine/request.ts';
import type { Candidate } from './candidate.ts';
import type { Cluster } from './cluster.ts';
import type { Gangs } from './gangs.ts';
import type { PendingPod, PendingPods } from './pending-pods.ts';
import type { Preemptor } from './preemptor.ts';
import type { ScheduleMetrics } from './schedule-metrics.ts';
import type { Verdicts } from './verdicts.ts';

export interface DeciderDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly engine: Engine;
  readonly cluster: Cluster;
  readonly queue: PendingPods;
  readonly gangs: Gangs;
  readonly preemptor: Preemptor;
  readonly verdicts: Verdicts;
  readonly metrics: ScheduleMetrics;
  /** Undefined when the pod cannot be decided now; it has been told, then. */
  readonly candidateOf: (pending: PendingPod) => Candidate | undefined;
  /** As the cache has it now. */
  readonly find: (key: string) => Pod | undefined;
  /** Whether it asks for anything of users' own dimensions, and fetches what a decision about it needs, then. */
  readonly asksOthers: (request: PlacementRequest) => boolean;
  readonly ask: (request: PlacementRequest) => Promise<void>;
}
