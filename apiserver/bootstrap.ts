/** What every plane starts with: namespaces, roles, and Berth's own kinds. Made when missing, and brought up to this version. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, KubeObject, Resource } from '../api/meta.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  customResourceDefinitions,
  namespaces,
  priorityClasses,
  serviceAccounts,
} from '../api/resources.gen.ts';
import { hasReason } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import { berthCrds } from '../crds/index.ts';
import { defaultRbac } from './auth/default-roles.ts';
import { reconciledRole } from './auth/reconcile-role.ts';
import { systemNamespaces } from './kinds/namespace.ts';
import { systemPriorityClasses } from './kinds/priority-class.ts';

const fieldManager = 'berth';

/** `client` acts as an administrator. Our own definitions are brought up to this version's. */
export async function bootstrap(client: Client, signal: AbortSignal): Promise<void> {
  for (const name of systemNamespaces)
    await ensure(
      client,
      namespaces,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      signal,
    );
  // A controller makes those of all namespaces; this one is there before the first pod can be.
  const account = { name: 'default', namespace: 'default' };
  await ensure(
    client,
    serviceAccounts,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
    signal,
  );
  for (const { name, ...fields } of systemPriorityClasses) {
    const type = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
    await ensure(client, priorityClasses, { ...type, metadata: { name }, ...fields }, signal);
  }
  for (const role of defaultRbac.clusterroles) await ensureRole(client, clusterRoles, role, signal);
  for (const binding of defaultRbac.clusterrolebindings)
    await ensureRole(client, clusterRoleBindings, binding, signal);
  for (const crd of berthCrds)
    await ensureDefinition(client, kube(crd as unknown as JsonObject), signal);
}

/** Objects of this file are complete. */
function kube(object: JsonObject): KubeObject {
  return object as unknown as KubeObject;
}

async function ensure(
  client: Client,
  resource: Resource,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const { name = '', namespace } = object.metadata;
  const key = { name, ...(namespace === undefined ? {} : { namespace }) };
  try {
    await client.get(resource, key, { signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
    await client.create(resource, object, { signal, fieldManager }).catch((failed) => {
      // Another server of this plane may have been quicker.
      if (!hasReason(failed, 'AlreadyExists')) throw failed;
    });
  }
}

/** An older plane's roles get what this version's have more. */
async function ensureRole(
  client: Client,
  resource: Resource,
  wanted: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const object = kube(wanted);
  await ensure(client, resource, object, signal);
  const key = { name: object.metadata.name ?? '' };
  const stored = await client.get(resource, key, { signal });
  const next = reconciledRole(stored as unknown as JsonObject, wanted); // A stored object is plain JSON.
  if (next === undefined) return;
  await client.update(resource, kube(next), { signal, fieldManager }).catch((failed) => {
    // Another server of this plane has just done the same.
    if (!hasReason(failed, 'Conflict')) throw failed;
  });
}

async function ensureDefinition(
  client: Client,
  wanted: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  await ensure(client, customResourceDefinitions, wanted, signal);
  const key = { name: wanted.metadata.name ?? '' };
  const stored = await client.get<KubeObject & { spec?: JsonObject }>(
    customResourceDefinitions,
    key,
    { signal },
  );
  const next = (wanted as KubeObject & { spec?: JsonObject }).spec;
  const same = ['versions', 'names', 'scope'].every((field) =>
    field === 'names' ? true : isDeepStrictEqual(stored.spec?.[field], next?.[field]),
  );
  if (same) return;
  await client.update(
    customResourceDefinitions,
    { ...stored, spec: { ...stored.spec, ...next } } as KubeObject,
    {
      signal,
      fieldManager,
    },
  );
}
