import type { JsonObject, KubeObject, Resource } from '../../api/meta.ts';
import { createEventRecorder } from '../../client/events.ts';
import type { Controller, ControllerDeps } from '../../controllers/kit/controller.ts';
import { createInformers, type Informers } from '../../controllers/kit/informers.ts';
import { runController } from '../../controllers/kit/run-controller.ts';
import { FakeClock } from '../../lib/clock.ts';
import { type Log, silentLog } from '../../lib/log.ts';
import { type Random, seededRandom } from '../../lib/random.ts';
import { FakeApi } from './fake-api.ts';

/** A fake api with a clock, and controllers that run against it until `stop`. */
export interface Bench {
  readonly api: FakeApi;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly informers: Informers;
  readonly deps: ControllerDeps;
  run<T extends KubeObject>(controller: Controller<T>): void;
  /** Anything else that runs until `signal` aborts. */
  runTask(task: (deps: ControllerDeps) => Promise<void>): void;
  /** Starts informers and lets everything settle. */
  start(): Promise<void>;
  /** Lets `ms` pass, and everything settle. */
  pass(ms?: number): Promise<void>;
  patch(
    resource: Resource,
    key: string,
    patch: JsonObject,
    subresource?: string,
  ): Promise<KubeObject>;
  stop(): Promise<void>;
}

/** `after`: another process on the same api and clock, that knows nothing of the one before. */
export function createBench(
  options: { kinds?: readonly Resource[]; log?: Log; after?: Bench } = {},
): Bench {
  const clock = options.after?.clock ?? new FakeClock();
  const random = options.after?.random ?? seededRandom(7);
  const log = options.log ?? silentLog;
  const api = options.after?.api ?? new FakeApi({ clock, random, kinds: options.kinds ?? [] });
  const stop = new AbortController();
  const { signal } = stop;
  const informers = createInformers({ client: api, clock, log, random });
  const events = createEventRecorder({ client: api, clock, random, log, component: 'test' });
  const deps: ControllerDeps = { client: api, informers, clock, random, log, events, signal };
  const running: Promise<void>[] = [];
  return {
    api,
    clock,
    random,
    signal,
    informers,
    deps,
    run(controller) {
      running.push(runController(controller, deps));
    },
    runTask(task) {
      running.push(task(deps));
    },
    async start() {
      informers.start();
      await clock.advance(0);
    },
    async pass(ms = 0) {
      // Several rounds: a pass makes changes that wake further passes.
      for (let i = 0; i < 6; i += 1) await clock.advance(0);
      await clock.advance(ms);
      for (let i = 0; i < 6; i += 1) await clock.advance(0);
    },
    patch(resource, key, patch, subresource) {
      const slash = key.indexOf('/');
      const name = key.slice(slash + 1);
      const where = slash < 0 ? { name } : { namespace: key.slice(0, slash), name };
      const more = subresource === undefined ? {} : { subresource };
      return api.patch(resource, where, patch, { signal: new AbortController().signal, ...more });
    },
    async stop() {
      stop.abort(new Error('the bench stops'));
      await events.stop();
      await Promise.all(running);
      await informers.stop();
    },
  };
}
