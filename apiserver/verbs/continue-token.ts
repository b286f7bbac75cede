/**
 * Where a paged list goes on: base64url of `{"v":"meta.k8s.io/v1","rv":N,"start":"key\u0000"}`.
 * Source: Kubernetes apiserver `pkg/storage/continue.go`, whose tokens look the same.
 */
import { posix } from 'node:path';
import { badRequest } from '../../api/status.ts';
import type { Revision } from '../../store/store.ts';

const version = 'meta.k8s.io/v1';

/** `after` is the last key of the page; it must lie under `prefix`. A revision of -1 = inconsistent. */
export function encodeContinue(revision: Revision, after: string, prefix: string): string {
  const start = `${after.slice(prefix.length)}\u0000`;
  const json = `{"v":"${version}","rv":${revision},"start":${JSON.stringify(start)}}`;
  return Buffer.from(json).toString('base64url');
}

export function decodeContinue(
  token: string,
  prefix: string,
): { readonly at: Revision; readonly after: string } {
  let parsed: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    throw badRequest('continue key is not valid: illegal base64 data or JSON');
  }
  const { v, rv, start } = parsed ?? {};
  if (v !== version)
    throw badRequest(
      `continue key is not valid: server does not recognize this encoded version "${v}"`,
    );
  if (!Number.isSafeInteger(rv) || rv === 0)
    throw badRequest(
      'continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    );
  if (typeof start !== 'string' || start === '')
    throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  const key = start.startsWith('/') ? start : `/${start}`;
  // Nobody leaves the folder by a token of his own.
  if (posix.normalize(key) !== key) throw badRequest(`continue key is not valid: ${start}`);
  return {
    at: BigInt(Number(rv)),
    after: prefix + key.slice(1, key.endsWith('\u0000') ? -1 : undefined),
  };
}
