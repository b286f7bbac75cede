/**
 * Tokens of a pod's service account, asked for by the node and asked for again long before they end.
 * Source: kubelet, pkg/kubelet/token/token_manager.go.
 */
import type { Pod, ServiceAccountTokenProjection } from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { serviceAccounts } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { IssuedToken, PodMemory } from '../pod/pod-memory.ts';

export interface TokenContext {
  readonly pod: Pod;
  readonly memory: PodMemory;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The token that a projected volume wants; a new one when it is time. */
export type TokenSource = (wanted: ServiceAccountTokenProjection) => Promise<string>;

interface Answer extends KubeObject {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

const defaultSeconds = 3_600;
/** A token is replaced when it has lived four fifths of its life, or a day. */
const lifeUsed = 0.8;
const oldestMs = 86_400_000;
/** Pods that started together do not ask together. */
const jitterMs = 10_000;
/** How soon it is tried again while the old one is still good. */
const retryMs = 10_000;

export function tokenSource(context: TokenContext): TokenSource {
  const { memory, clock, signal, log, pod } = context;
  return async ({ audience = '', expirationSeconds = defaultSeconds }) => {
    const key = `${expirationSeconds} ${audience}`;
    const known = memory.tokens.get(key);
    if (known !== undefined && clock.now() < known.refreshAtMs) return known.token;
    try {
      const issued = await request(context, audience, expirationSeconds);
      memory.tokens.set(key, issued);
      return issued.token;
    } catch (error) {
      signal.throwIfAborted();
      if (known === undefined || clock.now() >= known.endsAtMs) throw error;
      log.warn({ uid: pod.metadata.uid, err: error }, 'token not renewed');
      memory.tokens.set(key, { ...known, refreshAtMs: clock.now() + retryMs });
      return known.token;
    }
  };
}

/** When the next token is due; `Infinity` when there is none. */
export function tokensDueAtMs({ tokens }: PodMemory): number {
  return Math.min(...[...tokens.values()].map(({ refreshAtMs }) => refreshAtMs));
}

async function request(
  { pod, client, clock, random, signal }: TokenContext,
  audience: string,
  expirationSeconds: number,
): Promise<IssuedToken> {
  const { namespace = '', name: podName = '', uid = '' } = pod.metadata;
  const name = pod.spec.serviceAccountName ?? 'default';
  const spec: JsonObject = {
    audiences: audience === '' ? [] : [audience],
    expirationSeconds,
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: podName, uid },
  };
  const wanted = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { namespace, name },
    spec,
  };
  const nowMs = clock.now();
  const options = { subresource: 'token', signal };
  const { status } = await client.create<Answer>(serviceAccounts, wanted, options);
  const { token, expirationTimestamp = '' } = status ?? {};
  const endsAtMs = Date.parse(expirationTimestamp);
  if (token === undefined || Number.isNaN(endsAtMs))
    throw new Error(`the server gave no token for service account ${namespace}/${name}`);
  const lifeMs = Math.min((endsAtMs - nowMs) * lifeUsed, oldestMs);
  return { token, endsAtMs, refreshAtMs: nowMs + lifeMs - random.fraction() * jitterMs };
}
