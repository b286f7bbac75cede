import { StatusError } from '../api/status.ts';
import type { Client } from '../client/client.ts';

/**
 * The same client, but it refuses to write as soon as the lease is not certainly ours: a process
 * that was stopped for a while and wakes up stops before its next write, timers or not.
 */
export function heldClient(client: Client, held: () => boolean): Client {
  const guard = async <R>(write: () => Promise<R>): Promise<R> => {
    if (held()) return write();
    throw new StatusError(503, 'ServiceUnavailable', 'the lease is not held any more');
  };
  return {
    get: (resource, key, options) => client.get(resource, key, options),
    list: (resource, options) => client.list(resource, options),
    watch: (resource, options) => client.watch(resource, options),
    read: (path, options) => client.read(path, options),
    create: (resource, object, options) => guard(() => client.create(resource, object, options)),
    update: (resource, object, options) => guard(() => client.update(resource, object, options)),
    patch: (resource, key, patch, options) =>
      guard(() => client.patch(resource, key, patch, options)),
    apply: (resource, object, options) => guard(() => client.apply(resource, object, options)),
    delete: (resource, key, options) => guard(() => client.delete(resource, key, options)),
    post: (path, body, options) => guard(() => client.post(path, body, options)),
  };
}
