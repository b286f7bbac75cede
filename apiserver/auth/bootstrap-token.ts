/**
 * Bootstrap tokens: `id.secret`, kept as Secrets in kube-system, with which a machine may ask for its
 * first certificate. Source: Kubernetes "Authenticating with Bootstrap Tokens".
 */
import { timingSafeEqual } from 'node:crypto';
import { asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { UserInfo } from '../request/request.ts';
import { metaString } from '../storage/cached.ts';
import { objectKey } from '../storage/keys.ts';
import type { RbacSource } from './rbac.ts';

export const bootstrappersGroup = 'system:bootstrappers';

const shape = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const extraGroup = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const secretType = 'bootstrap.kubernetes.io/token';
const secrets = { group: '', plural: 'secrets' };

/** Who the token stands for; `undefined` when it is none, or unknown. Throws 401 when it has expired. */
export function bootstrapUser(
  source: RbacSource,
  clock: Clock,
  token: string,
): UserInfo | undefined {
  const [, id = '', secret = ''] = shape.exec(token) ?? [];
  if (id === '') return undefined;
  const key = objectKey(secrets, { namespace: 'kube-system', name: `bootstrap-token-${id}` });
  const object = source.get(key)?.object;
  if (object === undefined || asString(object['type']) !== secretType) return undefined;
  if (metaString(object, 'deletionTimestamp') !== '') return undefined;
  const data = decoded(object);
  if (data['token-id'] !== id || !same(data['token-secret'] ?? '', secret)) return undefined;
  // Only who knows the secret is told more than "no".
  if (data['usage-bootstrap-authentication'] !== 'true')
    throw refused(`the bootstrap token ${id} may not be used to authenticate`);
  const expiration = data['expiration'] ?? '';
  if (expiration !== '' && !(Date.parse(expiration) > clock.now()))
    throw refused(`the bootstrap token ${id} has expired (at ${expiration})`);
  const extra = (data['auth-extra-groups'] ?? '')
    .split(',')
    .filter((name) => extraGroup.test(name));
  return { name: `system:bootstrap:${id}`, groups: [bootstrappersGroup, ...extra] };
}

function decoded(secret: JsonObject): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(secret['data']) ?? {});
  return Object.fromEntries(
    entries.map(([key, value]) => [key, Buffer.from(asString(value), 'base64').toString('utf8')]),
  );
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refused(message: string): StatusError {
  return new StatusError(401, 'Unauthorized', message);
}
