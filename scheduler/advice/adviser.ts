/** Answers what people ask of the scheduler, from a view of its own. */
import type { Pod, VM, Why, Workload } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { whyInstance, whyWorkload } from './instance.ts';
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

export class Adviser {
  readonly #options: AdviserOptions;
  #view: View | undefined;
  #lastMs = 0;
  #ending: Promise<void> = Promise.resolve();

  constructor(options: AdviserOptions) {
    this.#options = options;
  }

  async whyPod(pod: Pod, signal: AbortSignal): Promise<Why> {
    const view = await this.#current(pod, signal);
    return whyOf(pod, whyInstance(view, pod));
  }

  async whyVm(vm: VM, signal: AbortSignal): Promise<Why> {
    const view = await this.#current(vm, signal);
    return whyOf(vm, whyInstance(view, podOfVm(vm)));
  }

  async whyWorkload(workload: Workload, signal: AbortSignal): Promise<Why> {
    const view = await this.#current(workload, signal);
    return whyOf(workload, whyWorkload(view, workload));
  }

  /** Resolves, after the signal aborted, when nothing of it runs any more. */
  async stopped(): Promise<void> {
    await this.#ending;
  }

  async #current(object: KubeObject | undefined, signal: AbortSignal): Promise<View> {
    const { clock, signal: stop } = this.#options;
    this.#lastMs = clock.now();
    this.#view ??= this.#open();
    const view = this.#view;
    const patience = AbortSignal.any([signal, stop, AbortSignal.timeout(readyMs)]);
    await view.untilReady(patience);
    if (object !== undefined) await view.untilSeen(object, patience);
    return view;
  }

  #open(): View {
    const view = new View(this.#options);
    this.#ending = this.#closeWhenIdle(view);
    return view;
  }

  async #closeWhenIdle(view: View): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      const leftMs = this.#lastMs + idleMs - clock.now();
      if (leftMs <= 0) break;
      await clock.sleep(leftMs, signal).catch(() => {}); // Aborted: the loop ends.
    }
    this.#view = undefined;
    await view.stop();
  }
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
