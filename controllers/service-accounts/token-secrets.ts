/**
 * Fills Secrets of type `kubernetes.io/service-account-token` with a token that does not end, and deletes
 * those whose account is gone. Source: kubernetes pkg/controller/serviceaccount/tokens_controller.go.
 */
import type { Secret, ServiceAccount } from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import { secrets, serviceAccounts } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type Controller, defineController, type Reconcile } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';

export interface TokenSecretSigner {
  /** PEM. */
  readonly ca: string;
  /** The token that the Secret of that name shall hold. */
  token(account: ServiceAccount, secretName: string): string;
}

const secretType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';
const byAccount = 'service-account';

export function tokenSecretController(
  signer: TokenSecretSigner,
  { informers }: { readonly informers: Informers },
): Controller<Secret> {
  informers.index<Secret>(secrets, byAccount, (secret) =>
    isToken(secret) ? [`${secret.metadata.namespace}/${accountOf(secret)}`] : [],
  );
  return defineController<Secret>({
    name: 'serviceaccount-token-controller',
    for: secrets,
    observedGeneration: false,
    watches: [
      {
        resource: serviceAccounts,
        keys: (account) =>
          informers.for<Secret>(secrets).byIndex(byAccount, keyOf(account)).map(keyOf),
        matters: () => false, // Only its coming and going.
      },
    ],
    reconcile: async (_key, ctx) => {
      if (isToken(ctx.object)) await fill(signer, ctx);
      return undefined;
    },
  });
}

function isToken({ type }: Secret): boolean {
  return type === secretType;
}

function accountOf({ metadata }: Secret): string {
  return metadata.annotations?.[nameAnnotation] ?? '';
}

async function fill(signer: TokenSecretSigner, ctx: Reconcile<Secret>): Promise<void> {
  const { object, client, signal, log } = ctx;
  const { name = '', namespace = '', annotations = {}, uid = '' } = object.metadata;
  const account = await liveAccount(ctx);
  const meant = annotations[uidAnnotation] ?? '';
  const accountUid = account?.metadata.uid ?? '';
  if (account === undefined || (meant !== '' && meant !== accountUid)) {
    await client.delete(secrets, { namespace, name }, { preconditions: { uid }, signal });
    log.info({ namespace, name }, 'token of a service account that is gone deleted');
    return;
  }
  const data = { ...object.data };
  const wanted = { 'ca.crt': encoded(signer.ca), namespace: encoded(namespace) };
  const same = Object.entries(wanted).every(([key, value]) => data[key] === value);
  if (same && meant !== '' && (data['token'] ?? '') !== '') return;
  data['token'] ||= encoded(signer.token(account, name));
  const metadata = {
    ...object.metadata,
    annotations: { ...annotations, [uidAnnotation]: accountUid },
  };
  await client.update<Secret>(
    secrets,
    { ...object, metadata, data: { ...data, ...wanted } },
    { signal },
  );
  log.info({ namespace, name }, 'service account token issued');
}

/** Asked of the server: a Secret may be seen before the account that was made first. */
async function liveAccount(ctx: Reconcile<Secret>): Promise<ServiceAccount | undefined> {
  const key = { namespace: ctx.object.metadata.namespace ?? '', name: accountOf(ctx.object) };
  if (key.name === '') return undefined;
  try {
    return await ctx.client.get<ServiceAccount>(serviceAccounts, key, { signal: ctx.signal });
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}
