import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Adoptions } from '../adoptions.ts';
import { observeAlways } from '../observe-always.ts';
import type { InstanceId } from '../runtime.ts';
import { label } from './labels.ts';

/** An event is one line of about 1 kB; a longer line is not one of ours. */
const lineMaxBytes = 1 << 20;

interface ObserveDeps {
  readonly docker: Docker;
  readonly nodeId: string;
  readonly adoptions: Adoptions;
  readonly clock: Clock;
  readonly log: Log;
  /** Ids of everything that there is now. */
  readonly allIds: (options: CallOptions) => Promise<readonly InstanceId[]>;
}

/** Instance ids from the engine's events; after each (re)connection every known id once. */
export function observeEvents(deps: ObserveDeps, options: CallOptions): Observable<InstanceId> {
  const { clock, log, nodeId } = deps;
  const about = { clock, log, nodeId, engine: 'docker' };
  return observeAlways(about, (...args) => followOnce(deps, ...args), options);
}

async function followOnce(
  { docker, nodeId, adoptions, allIds }: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
  onConnected: () => void,
): Promise<void> {
  // The stream is opened before the list is read, so nothing falls between the two.
  const events = (await docker.getEvents({
    filters: {
      type: ['container'],
      // Not by label: what was adopted has none.
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
      const id = instanceOf(line, nodeId, adoptions);
      if (id !== undefined) emit(id);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    events.destroy();
  }
}

interface ContainerEvent {
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
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

function instanceOf(line: string, nodeId: string, adoptions: Adoptions): InstanceId | undefined {
  if (line.trim() === '') return undefined;
  // The engine's event format; a missing field only makes the event be ignored.
  const { Actor: actor } = JSON.parse(line) as ContainerEvent;
  const labels = actor?.Attributes ?? {};
  if (labels[label.node] === nodeId) return labels[label.instance];
  return adoptions.find('docker', actor?.ID ?? '')?.instance;
}
