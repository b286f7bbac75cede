/** What a controller is: which objects it looks after, and what it does about one of them. */
import type { Condition, JsonObject, KubeObject, ObjectKey, Resource } from '../../api/meta.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Random } from '../../lib/random.ts';
import type { Informers } from './informers.ts';

export interface Controller<T extends KubeObject> {
  /** Kebab-case; the field manager of what it applies, and the source of its events. */
  readonly name: string;
  /** The kind it looks after: one key is one object of it. */
  readonly for: Resource;
  /** Kinds of children: a change of one wakes the object that controls it. */
  readonly owns?: readonly Resource[];
  readonly watches?: readonly Watch[];
  /**
   * Brings the world nearer to what `ctx.object` says; called again and again, from any state, never
   * twice at a time for one key. Not called for objects that are being deleted.
   */
  reconcile(key: ObjectKey, ctx: Reconcile<T>): Promise<Outcome>;
  /** Undoes what is outside the API before the object goes; repeated until it succeeds. */
  finalize?(key: ObjectKey, ctx: Reconcile<T>): Promise<Outcome>;
  /** Called for objects that are being deleted, by those who hold them by other means. */
  deleting?(key: ObjectKey, ctx: Reconcile<T>): Promise<Outcome>;
  /** False for kinds whose status has no `observedGeneration`. */
  readonly observedGeneration?: boolean;
  /** `domain/name`; default `berth.dev/<name of the controller>`. Used only with `finalize`. */
  readonly finalizerName?: string;
  /** Keys worked on at once; default 4. */
  readonly concurrency?: number;
}

/** Another kind whose changes matter; `keys` says to which objects. */
export interface Watch {
  readonly resource: Resource;
  keys(object: KubeObject): readonly string[];
  /** Whether a change from `old` to `object` matters; absent = always. */
  matters?(object: KubeObject, old: KubeObject): boolean;
}

/** Nothing: wait for the next change. Children that the pass did not apply are pruned. */
export type Outcome =
  | undefined
  | {
      /** Also come back after so long. */
      readonly requeueAfterMs?: number;
      /** The pass did not get as far as its children: none is pruned. */
      readonly incomplete?: boolean;
    };

/** What one pass over one object has to work with. */
export interface Reconcile<T extends KubeObject> {
  /** From the cache, and never older than this controller's own last write to it. */
  readonly object: T;
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  /** Aborts when the controller must stop; goes into every call. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Server-side apply, controlled by the object; `ctx.object` must name its kind's `owns`. */
  apply<C extends KubeObject>(resource: Resource, child: JsonObject & C): Promise<C>;
  /**
   * Writes the status if it differs, with `observedGeneration` on it and on each condition.
   * Conditions that are not named stay; `lastTransitionTime` is looked after. `exact`: a conflict
   * unless the object is still as it was seen, for what is counted on from its status.
   */
  setStatus(
    status: JsonObject,
    conditions?: readonly StatusCondition[],
    options?: { readonly exact?: boolean },
  ): Promise<void>;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** `remove: true` takes a condition away. */
export type StatusCondition =
  | (Pick<Condition, 'type' | 'status'> & { readonly reason: string; readonly message: string })
  | { readonly type: string; readonly remove: true };

/** What all controllers of a process share. */
export interface ControllerDeps {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Absent: each controller has its own. */
  readonly events?: EventRecorder;
  readonly metrics?: Metrics;
  readonly signal: AbortSignal;
}

/** Names the types of a controller where it is written down. */
export function defineController<T extends KubeObject>(controller: Controller<T>): Controller<T> {
  return controller;
}
