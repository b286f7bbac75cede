/** One pass of a controller over one object: the `Reconcile` context, and what the kit does after it. */
import {
  formatApiVersion,
  type JsonObject,
  type KubeObject,
  keyOf,
  type ObjectKey,
  type OwnerReference,
  type Resource,
} from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Controller, ControllerDeps, Reconcile, StatusCondition } from './controller.ts';
import { byController } from './informers.ts';
import type { OwnWrites } from './own-writes.ts';
import { conditionsOf, stalled, statusPatch } from './status.ts';

/** Label of children that were made with `apply`, by the name of the controller: only they are pruned. */
const appliedByLabel = 'berth.dev/applied-by';

export interface Pass<T extends KubeObject> extends Reconcile<T> {
  /** Deletes the children of earlier passes that this one did not apply. */
  prune(): Promise<void>;
  /** A pass that succeeded takes an earlier `Stalled` back. */
  clearStalled(): Promise<void>;
  /** The server has a newer state of the object. */
  replaced(object: T): void;
}

type PassDeps = ControllerDeps & { readonly events: EventRecorder };

export function startPass<T extends KubeObject>(
  controller: Controller<T>,
  deps: PassDeps,
  writes: OwnWrites<T>,
  object: T,
): Pass<T> {
  return new ControllerPass<T>(controller, deps, writes, object);
}

class ControllerPass<T extends KubeObject> implements Pass<T> {
  readonly #controller: Controller<T>;
  readonly #deps: PassDeps;
  readonly #writes: OwnWrites<T>;
  readonly #applied = new Set<string>();
  readonly client: Reconcile<T>['client'];
  readonly informers: Reconcile<T>['informers'];
  readonly clock: Reconcile<T>['clock'];
  readonly signal: AbortSignal;
  readonly log: Reconcile<T>['log'];
  #object: T;

  constructor(controller: Controller<T>, deps: PassDeps, writes: OwnWrites<T>, object: T) {
    this.#controller = controller;
    this.#deps = deps;
    this.#writes = writes;
    this.#object = object;
    this.client = deps.client;
    this.informers = deps.informers;
    this.clock = deps.clock;
    this.signal = deps.signal;
    this.log = deps.log.child({ key: keyOf(object) });
  }

  get object(): T {
    return this.#object;
  }

  async apply<C extends KubeObject>(resource: Resource, child: JsonObject & C): Promise<C> {
    const { name: fieldManager } = this.#controller;
    const { metadata } = child;
    const object = {
      ...child,
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, [appliedByLabel]: fieldManager },
        ownerReferences: [...(metadata.ownerReferences ?? []), this.#ownerReference()],
      },
    };
    this.#applied.add(childId(resource, object));
    const { signal } = this;
    return this.client.apply<C>(resource, object, { fieldManager, force: true, signal });
  }

  async setStatus(
    status: JsonObject,
    conditions: readonly StatusCondition[] = [],
    { exact = false }: { readonly exact?: boolean } = {},
  ): Promise<void> {
    const observed =
      this.#controller.observedGeneration === false ? undefined : this.#object.metadata.generation;
    const patch = statusPatch(this.#object, status, conditions, observed, this.clock.now());
    if (patch === undefined) return;
    const { uid, resourceVersion } = this.#object.metadata;
    // With the uid, so that a namesake made meanwhile does not inherit it.
    const metadata = exact ? { uid, resourceVersion } : { uid };
    const body = { metadata, status: patch };
    const options = { subresource: 'status', signal: this.signal };
    this.replaced(await this.client.patch<T>(this.#controller.for, this.#key(), body, options));
  }

  event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#deps.events.recordEvent({ involvedObject: this.#object, type, reason, message });
  }

  async clearStalled(): Promise<void> {
    if (conditionsOf(this.#object).every(({ type }) => type !== stalled)) return;
    await this.setStatus({}, [{ type: stalled, remove: true }]);
  }

  async prune(): Promise<void> {
    const { uid = '' } = this.#object.metadata;
    for (const resource of this.#controller.owns ?? []) {
      for (const child of this.informers.for(resource).byIndex(byController, uid)) {
        const { labels, deletionTimestamp } = child.metadata;
        if (labels?.[appliedByLabel] !== this.#controller.name) continue;
        if (deletionTimestamp !== undefined) continue;
        if (!this.#applied.has(childId(resource, child))) await this.#delete(resource, child);
      }
    }
  }

  replaced(object: T): void {
    this.#object = object;
    this.#writes.stored(object);
  }

  async #delete(resource: Resource, { metadata }: KubeObject): Promise<void> {
    const { name = '', namespace, uid } = metadata;
    const key: ObjectKey = namespace === undefined ? { name } : { name, namespace };
    const preconditions = uid === undefined ? {} : { uid };
    try {
      await this.client.delete(resource, key, {
        preconditions,
        propagationPolicy: 'Background',
        signal: this.signal,
      });
      this.log.info({ child: name, childKind: resource.kind }, 'child pruned');
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  #key(): ObjectKey {
    const { name = '', namespace } = this.#object.metadata;
    return namespace === undefined ? { name } : { name, namespace };
  }

  #ownerReference(): OwnerReference {
    return controllerReference(this.#controller.for, this.#object);
  }
}

/** The reference that makes `owner` the controller of what carries it. */
export function controllerReference(resource: Resource, { metadata }: KubeObject): OwnerReference {
  const { name = '', uid = '' } = metadata;
  return {
    apiVersion: formatApiVersion(resource.group, resource.version),
    kind: resource.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

function childId({ group, resource }: Resource, child: KubeObject): string {
  return `${group}/${resource}/${keyOf(child)}`;
}
