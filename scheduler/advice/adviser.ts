/** Answers what people ask of the scheduler, from a view of its own. */
import type {
  CapacitySpec,
  CapacityStatus,
  PlanStatus,
  Pod,
  VM,
  Why,
  Workload,
} from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { badRequest, invalid } from '../../api/status.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { Slots } from '../../lib/slots.ts';
import { Turns } from '../../lib/turns.ts';
import { underAny } from '../../lib/under-any.ts';
import { podRequest } from '../engine/pod-request.ts';
import type { PlacementRequest } from '../engine/request.ts';
import { openExtensions } from '../extensions/extensions.ts';
import { asksOthers, lacksAnswers, prepareFor } from '../extensions/external-dimension.ts';
import { capacityOf } from './capacity.ts';
import { type Applicant, type DryRun, dryRun } from './dry-run.ts';
import { whyInstance, whyWorkload } from './instance.ts';
import { planOf } from './plan.ts';
import { Supplies } from './supplies.ts';
import { instanceOf } from './template.ts';
import { View, type ViewOptions } from './view.ts';
import type { Answer } from './why.ts';

export interface AdviserOptions extends ViewOptions {
  /** Ends it; `stopped` resolves afterwards. */
  readonly signal: AbortSignal;
}

/** How long the caches are kept after the last question. */
const idleMs = 300_000;

/** How long a question waits for the caches. */
const readyMs = 30_000;

/** How often others are asked for one plan: each answer is about what was placed before, so nothing can be asked at once. */
const roundsMax = 64;

export class Adviser {
  readonly #options: AdviserOptions;
  #view: Promise<View> | undefined;
  #lastMs = 0;
  readonly #ending = new Set<Promise<void>>();
  readonly #slot = new Slots(1);

  constructor(options: AdviserOptions) {
    this.#options = options;
  }

  async whyPod(pod: Pod, signal: AbortSignal): Promise<Why> {
    const view = await this.#asked(pod, await this.#current(pod, signal), signal);
    return whyOf(pod, await this.#alone(() => whyInstance(view, pod), signal));
  }

  async whyVm(vm: VM, signal: AbortSignal): Promise<Why> {
    const pod = podOfVm(vm);
    const view = await this.#asked(pod, await this.#current(vm, signal), signal);
    return whyOf(vm, await this.#alone(() => whyInstance(view, pod), signal));
  }

  async whyWorkload(workload: Workload, signal: AbortSignal): Promise<Why> {
    const view = await this.#current(workload, signal);
    await this.#asked(instanceOf(workload, undefined), view, signal);
    const { uid = '' } = workload.metadata;
    const turns = new Turns(this.#options.clock);
    for (const pod of view.podsOf(uid)) {
      await this.#asked(pod, view, signal);
      await turns.step();
    }
    return whyOf(workload, await this.#alone(() => whyWorkload(view, workload), signal));
  }

  /** Where they would land, were they applied now; problems are told, not thrown. */
  async plan(objects: readonly JsonObject[], applicant: Applicant): Promise<PlanStatus> {
    const tried = await dryRun(objects, applicant);
    const view = await this.#current(undefined, applicant.signal);
    try {
      const status = await this.#planned(view, tried, applicant.signal);
      const { problems } = tried;
      if (problems.length === 0) return status;
      const message = `${status.message ?? ''}; ${problems.length} would not be accepted`;
      return { ...status, message, problems };
    } catch (error) {
      if (error instanceof RangeError) throw badRequest(error.message);
      throw error;
    }
  }

  /** What others have to be asked on the way is asked when the plan has been taken back, and then it is made anew. */
  async #planned(
    view: View,
    { objects, additions }: DryRun,
    signal: AbortSignal,
  ): Promise<PlanStatus> {
    const { snapshot } = view.cluster;
    const preparing = { atMs: this.#options.clock.now(), signal };
    for (let rounds = 0; ; rounds += 1) {
      const answers: Promise<void>[] = [];
      const asks = (request: PlacementRequest) => {
        if (rounds >= roundsMax || !lacksAnswers(request, snapshot, preparing)) return false;
        answers.push(prepareFor(request, snapshot, preparing));
        return true;
      };
      const plan = () => planOf(view.surroundings(asks), objects, additions);
      const status = await this.#alone(plan, signal);
      if (status !== undefined) return status;
      await Promise.all(answers);
    }
  }

  /** Throws what a dry run of the template would. */
  async capacity(spec: CapacitySpec, applicant: Applicant): Promise<CapacityStatus> {
    const template = named(spec.template as JsonObject); // Its schema says so.
    const { objects, additions, problems } = await dryRun([template], applicant);
    const [object] = objects;
    const [problem] = problems;
    if (problem !== undefined) throw badTemplate(problem.message ?? '');
    if (object === undefined) throw badTemplate('it must be a Pod, a VM or a Workload');
    const view = await this.#current(undefined, applicant.signal);
    const workload = object.kind === 'Workload' ? (object as Workload) : undefined; // As its kind says.
    const pod =
      workload === undefined ? (object as Pod) : instanceOf(workload, existingUid(view, workload));
    await this.#asked(pod, view, applicant.signal);
    const supply = new Supplies(view.stock, additions).supplyOf(pod, workload);
    const request = podRequest(pod, workload, view.cluster.dimensions, supply.ties);
    const capacity = () => capacityOf(view.engine, request, spec, supply);
    return this.#alone(capacity, applicant.signal);
  }

  /** Resolves, after the signal aborted, when nothing of it runs any more. */
  async stopped(): Promise<void> {
    while (this.#ending.size > 0) await Promise.allSettled(this.#ending);
  }

  /** In turns with everything else on the thread, but with no other question: what one tries out, another must not see. */
  #alone<T>(parts: () => Generator<undefined, T>, signal: AbortSignal): Promise<T> {
    const answer = () => new Turns(this.#options.clock).through(parts(), signal);
    return this.#slot.hold(answer, { signal });
  }

  async #current(object: KubeObject | undefined, signal: AbortSignal): Promise<View> {
    const { clock, signal: stop } = this.#options;
    this.#lastMs = clock.now();
    return await underAny([signal, stop, AbortSignal.timeout(readyMs)], async (patience) => {
      const view = await this.#opened();
      await view.untilReady(patience);
      if (object !== undefined) await view.untilSeen(object, patience);
      return view;
    });
  }

  /** What users' own dimensions say about a pod is fetched before anything is decided. */
  async #asked(pod: Pod, view: View, signal: AbortSignal): Promise<View> {
    const { snapshot, dimensions } = view.cluster;
    const request = podRequest(pod, undefined, dimensions);
    if (!asksOthers(request, snapshot)) return view;
    // One that is placed is asked about as if it were not there; questions are made before anything is awaited.
    const placed = snapshot.placementOf(request.uid);
    if (placed !== undefined) snapshot.release(request.uid);
    const asking = prepareFor(request, snapshot, { signal });
    if (placed !== undefined) snapshot.assume(placed.footprint, placed.node, placed.allocation);
    await asking;
    return view;
  }

  async #opened(): Promise<View> {
    this.#view ??= this.#open();
    const view = await this.#view;
    if (!view.outdated.aborted) return view;
    this.#view ??= this.#open();
    return await this.#view;
  }

  async #open(): Promise<View> {
    const { signal } = this.#options;
    try {
      const view = new View(this.#options, await openExtensions(this.#options, signal));
      const ending = this.#closeInTime(view).finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
      view.outdated.addEventListener('abort', () => this.#forget(), { once: true });
      return view;
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** The next question opens another one. */
  #forget(): void {
    this.#view = undefined;
  }

  async #closeInTime(view: View): Promise<void> {
    const { clock, signal } = this.#options;
    await underAny([signal, view.outdated], async (end) => {
      while (!end.aborted) {
        const leftMs = this.#lastMs + idleMs - clock.now();
        if (leftMs <= 0) break;
        await clock.sleep(leftMs, end).catch(() => {}); // Aborted: the loop ends.
      }
    });
    if (!view.outdated.aborted) this.#forget();
    await view.stop();
  }
}

/** A template needs no name of its own. */
function named(template: JsonObject): JsonObject {
  const metadata = (template['metadata'] ?? {}) as JsonObject; // The server looks at it closely.
  return { ...template, metadata: { name: 'capacity', ...metadata } };
}

function badTemplate(message: string) {
  return invalid({ group: 'berth.dev', kind: 'Capacity' }, '', [
    { field: 'spec.template', type: 'FieldValueInvalid', message: `Invalid value: ${message}` },
  ]);
}

function existingUid(view: View, { metadata }: Workload): string | undefined {
  return view.workload(`${metadata.namespace ?? ''}/${metadata.name ?? ''}`)?.metadata.uid;
}

function whyOf({ metadata }: KubeObject, answer: Answer): Why {
  const { name, namespace, uid } = metadata;
  return {
    kind: 'Why',
    apiVersion: 'berth.dev/v1',
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    },
    ...answer,
  };
}
