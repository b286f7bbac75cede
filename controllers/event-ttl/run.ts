/** Deletes Events an hour after they last happened. */
import type { Event } from '../../api/kinds.gen.ts';
import { events } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { ControllerDeps } from '../kit/controller.ts';

const ttlMs = 3_600_000;

/** Between two looks; an event may stay so much longer. */
const intervalMs = 300_000;

/** Between two deletes: at most 50 a second. */
const pauseMs = 20;

/** Runs until the signal aborts. Keeps no cache: events are many and read by nobody here. */
export async function runEventTtl({ client, clock, log, signal }: ControllerDeps): Promise<void> {
  while (!signal.aborted) {
    try {
      const { items } = await client.list<Event>(events, { signal });
      const cutoffMs = clock.now() - ttlMs;
      for (const event of items) {
        if (lastMs(event) >= cutoffMs) continue;
        await remove(event);
        await clock.sleep(pauseMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'events not cleaned up, retrying');
    }
    await clock.sleep(intervalMs, signal).catch(() => {}); // Aborted: the loop ends.
  }

  async function remove({ metadata }: Event): Promise<void> {
    const { name = '', namespace = '', uid, resourceVersion } = metadata;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    try {
      await client.delete(events, { namespace, name }, { preconditions, signal });
    } catch (error) {
      // Gone, or it has just happened again.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

function lastMs({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: Event): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, firstTimestamp];
  const last = times.find((time) => time !== undefined && time !== null);
  return Date.parse(last ?? metadata.creationTimestamp ?? '') || 0;
}
