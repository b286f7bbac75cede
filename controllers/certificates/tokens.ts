/** Deletes bootstrap tokens an hour after they expired; until then who uses one is told so. */
import type { Secret } from '../../api/kinds.gen.ts';
import { secrets } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { ControllerDeps } from '../kit/controller.ts';

const keptMs = 3_600_000;
const intervalMs = 600_000;
const namespace = 'kube-system';
const fieldSelector = 'type=bootstrap.kubernetes.io/token';

/** Runs until the signal aborts. */
export async function runTokenCleaner({
  client,
  clock,
  log,
  signal,
}: ControllerDeps): Promise<void> {
  while (!signal.aborted) {
    try {
      const { items } = await client.list<Secret>(secrets, { namespace, fieldSelector, signal });
      for (const { metadata, data } of items) {
        const expiration = Buffer.from(data?.['expiration'] ?? '', 'base64').toString('utf8');
        if (!(Date.parse(expiration) < clock.now() - keptMs)) continue;
        const { name = '', uid } = metadata;
        const preconditions = uid === undefined ? {} : { uid };
        await client
          .delete(secrets, { namespace, name }, { preconditions, signal })
          .catch((error) => {
            if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
          });
        log.info({ name }, 'expired bootstrap token deleted');
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'bootstrap tokens not cleaned up, retrying');
    }
    await clock.sleep(intervalMs, signal).catch(() => {}); // Aborted: the loop ends.
  }
}
