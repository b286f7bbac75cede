/** A controller's own finalizer on the objects it looks after. */
import type { KubeObject, ObjectKey, Resource } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { Pass } from './pass.ts';

interface Named {
  readonly name: string;
  readonly for: Resource;
  readonly finalizerName?: string;
}

interface Deps {
  readonly client: Client;
  readonly signal: AbortSignal;
}

export function finalizerOf({ name, finalizerName }: Named): string {
  return finalizerName ?? `berth.dev/${name}`;
}

export function hasFinalizer({ metadata }: KubeObject, name: string): boolean {
  return metadata.finalizers?.includes(name) ?? false;
}

/** Before the first side effect: without it the object could go and leave something behind. */
export async function ensureFinalizer<T extends KubeObject>(
  controller: Named,
  deps: Deps,
  pass: Pass<T>,
): Promise<void> {
  const name = finalizerOf(controller);
  if (hasFinalizer(pass.object, name)) return;
  await write(controller, deps, pass, [...(pass.object.metadata.finalizers ?? []), name]);
}

/** Lets the object go; resolves also when it is gone. */
export async function removeFinalizer<T extends KubeObject>(
  controller: Named,
  deps: Deps,
  pass: Pass<T>,
): Promise<void> {
  const name = finalizerOf(controller);
  const rest = (pass.object.metadata.finalizers ?? []).filter((each) => each !== name);
  try {
    await write(controller, deps, pass, rest);
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
}

async function write<T extends KubeObject>(
  controller: Named,
  { client, signal }: Deps,
  pass: Pass<T>,
  finalizers: readonly string[],
): Promise<void> {
  const { name = '', namespace, resourceVersion } = pass.object.metadata;
  const key: ObjectKey = namespace === undefined ? { name } : { name, namespace };
  // The list is replaced whole, so nobody else may have changed it meanwhile.
  const patch = { metadata: { resourceVersion, finalizers } };
  pass.replaced(await client.patch<T>(controller.for, key, patch, { signal }));
}
