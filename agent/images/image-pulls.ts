/** Pulls of one node: of each image one at a time, shared by all who want it, ended with the last of them. */
import type { CallOptions } from '../../lib/call.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import {
  type PullProgress,
  type RegistryCredentials,
  type Runtime,
  RuntimeError,
} from '../../runtime/runtime.ts';

export interface PullRequest {
  readonly runtime: Runtime;
  readonly image: string;
  /** Tried in order; without any the registry is asked as nobody. */
  readonly credentials: readonly RegistryCredentials[];
  readonly progress: (progress: PullProgress) => void;
}

interface Pull {
  /** Only who would show the same credentials may share it. */
  readonly credentials: string;
  readonly stop: AbortController;
  readonly listeners: Set<PullRequest['progress']>;
  readonly ended: Promise<void>;
}

export class ImagePulls {
  readonly #pulls = new Map<string, Pull>();

  /** Rejects as `Runtime.ensureImage` does; giving up leaves the pull to the others who wait. */
  async pull(request: PullRequest, { signal }: CallOptions): Promise<void> {
    const key = `${request.runtime.name} ${request.image}`;
    const credentials = JSON.stringify(request.credentials);
    for (;;) {
      signal.throwIfAborted();
      const running = this.#pulls.get(key);
      if (running !== undefined && running.credentials !== credentials) {
        await orAborted(
          running.ended.catch(() => undefined),
          signal,
        );
        continue;
      }
      const pull = running ?? this.#begin(key, credentials, request);
      pull.listeners.add(request.progress);
      try {
        await orAborted(pull.ended, signal);
        return;
      } finally {
        pull.listeners.delete(request.progress);
        if (pull.listeners.size === 0) this.#end(key, pull);
      }
    }
  }

  #begin(key: string, credentials: string, request: PullRequest): Pull {
    const stop = new AbortController();
    const listeners = new Set<PullRequest['progress']>();
    const progress = (made: PullProgress) => {
      for (const listener of listeners) listener(made);
    };
    const ended = pullWithAny({ ...request, progress }, { signal: stop.signal });
    const pull = { credentials, stop, listeners, ended };
    this.#pulls.set(key, pull);
    const forget = () => {
      if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
    };
    ended.then(forget, forget);
    return pull;
  }

  #end(key: string, pull: Pull): void {
    pull.stop.abort(new Error('nobody waits for the image any more'));
    if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
  }
}

async function pullWithAny(request: PullRequest, { signal }: CallOptions): Promise<void> {
  const { runtime, image, progress, credentials } = request;
  const tries: readonly (RegistryCredentials | undefined)[] =
    credentials.length === 0 ? [undefined] : credentials;
  let failure: unknown;
  for (const auth of tries) {
    try {
      const how = auth === undefined ? {} : { auth };
      await runtime.ensureImage(image, 'Always', { signal, progress, ...how });
      return;
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.reason !== 'ImagePullFailed') throw error;
      failure = error;
    }
  }
  throw failure;
}
