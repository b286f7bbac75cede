import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { InstanceId } from '../runtime.ts';
import { wordsOf } from './errors.ts';
import { label } from './labels.ts';

/** Waits between attempts to reach the engine's event stream. */
const reconnectMs = { first: 100, max: 5000 } as const;
/** An event is one line of about 1 kB; a longer line is not one of ours. */
const lineMaxBytes = 1 << 20;

interface ObserveDeps {
  readonly docker: Docker;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Ids of everything that there is now. */
  readonly allIds: (options: CallOptions) => Promise<readonly InstanceId[]>;
}

/** Instance ids from the engine's events; after each (re)connection every known id once. */
export function observeEvents(deps: ObserveDeps, { signal }: CallOptions): Observable<InstanceId> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const ended = AbortSignal.any([signal, stop.signal]);
    const emit = (id: InstanceId) => subscriber.next(id);
    follow(deps, emit, ended).then(
      () => subscriber.complete(),
      (error) => subscriber.error(error),
    );
    return () => stop.abort();
  });
}

async function follow(
  deps: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
): Promise<void> {
  let waitMs: number = reconnectMs.first;
  while (!signal.aborted) {
    try {
      await followOnce(deps, emit, signal, () => {
        waitMs = reconnectMs.first;
      });
      deps.log.warn({ node: deps.nodeId }, 'engine event stream ended');
    } catch (error) {
      if (signal.aborted) return;
      deps.log.warn({ node: deps.nodeId, error: wordsOf(error) }, 'engine event stream failed');
    }
    await deps.clock.sleep(waitMs, signal).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, reconnectMs.max);
  }
}

async function followOnce(
  { docker, nodeId, allIds }: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
  onConnected: () => void,
): Promise<void> {
  // The stream is opened before the list is read, so nothing falls between the two.
  const events = (await docker.getEvents({
    filters: {
      type: ['container'],
      label: [`${label.node}=${nodeId}`],
      event: ['create', 'start', 'die', 'destroy', 'pause', 'unpause'],
    },
    abortSignal: signal,
    // The typings say ReadableStream; it is the HTTP response.
  })) as Readable;
  const onAbort = () => events.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (const id of await allIds({ signal })) emit(id);
    onConnected();
    for await (const line of lines(events)) {
      const id = instanceOf(line);
      if (id !== undefined) emit(id);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    events.destroy();
  }
}

async function* lines(source: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of source) {
    rest += chunk.toString('utf8');
    const parts = rest.split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > lineMaxBytes) throw new RangeError('event line too long');
    yield* parts;
  }
}

function instanceOf(line: string): InstanceId | undefined {
  if (line.trim() === '') return undefined;
  // The engine's event format; a missing field only makes the event be ignored.
  const event = JSON.parse(line) as { Actor?: { Attributes?: Record<string, string> } };
  return event.Actor?.Attributes?.[label.instance];
}
