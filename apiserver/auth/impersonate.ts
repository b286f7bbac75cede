/**
 * Acting as somebody else: `Impersonate-*` headers, allowed by RBAC on what they name.
 * Source: Kubernetes "User impersonation", and KEP-5284 for the constrained verbs.
 */
import { badRequest } from '../../api/status.ts';
import type { UserInfo } from '../request/request.ts';
import { type Attributes, type Authorizer, forbiddenTo, isAllowed } from './authorize.ts';

type Headers = Readonly<Record<string, string>>;

const prefix = 'impersonate-';
const extraPrefix = `${prefix}extra-`;
const authentication = 'authentication.k8s.io';
const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;
/** More groups and extra values than this are refused: each is a question to RBAC. */
const valuesMax = 256;

/**
 * The user that the request is to be made as; `undefined` when the headers ask for none. Throws 400 when they
 * make no sense and 403 when `user` may not act as that one, or not do `wanted` as that one.
 */
export function impersonate(
  authorizers: readonly Authorizer[],
  user: UserInfo,
  headers: Headers,
  wanted: Attributes,
): UserInfo | undefined {
  const asked = askedFor(headers);
  if (asked === undefined) return undefined;
  const allowed = (attributes: Attributes) => isAllowed(authorizers, user, attributes);
  if (!subjects(asked, '', 'impersonate').every(allowed)) {
    const mode = modeOf(asked);
    // As upstream: first whether this may be done as somebody else at all, then as whom.
    const needed = [
      { ...wanted, verb: `impersonate-on:${mode}:${wanted.verb}` },
      ...subjects(asked, authentication, `impersonate:${mode}`),
    ];
    const refused = needed.find((attributes) => !allowed(attributes));
    if (refused !== undefined) throw forbiddenTo(user, refused);
  }
  return withImpliedGroups(asked);
}

/** What the headers say, before any group is added. */
function askedFor(headers: Headers): UserInfo | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith(prefix));
  if (names.length === 0) return undefined;
  const name = headers['impersonate-user'] ?? '';
  if (name === '')
    throw badRequest(
      `${names.join(', ')} without impersonating a user name: set Impersonate-User (kubectl --as)`,
    );
  const uid = headers['impersonate-uid'] ?? '';
  const groups = valuesOf(headers['impersonate-group']);
  const extra = names
    .filter((header) => header.startsWith(extraPrefix))
    .map((header) => [extraKey(header), valuesOf(headers[header])] as const);
  if (groups.length + extra.reduce((sum, [, values]) => sum + values.length, 0) > valuesMax)
    throw badRequest(`impersonation of more than ${valuesMax} groups and extra values: send fewer`);
  return {
    name,
    ...(uid === '' ? {} : { uid }),
    groups,
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

/** Repeated headers come joined; every part is asked about, so a comma in a name grants nothing more. */
function valuesOf(header: string | undefined): string[] {
  return (header ?? '').split(/,\s*/).filter((value) => value !== '');
}

/** Keys are percent-encoded, because headers hold few characters and no case. */
function extraKey(header: string): string {
  const key = header.slice(extraPrefix.length);
  try {
    return decodeURIComponent(key);
  } catch {
    return key; // As upstream: what is no encoding stands for itself.
  }
}

type Mode = 'user-info' | 'serviceaccount' | 'arbitrary-node';

function modeOf({ name, groups, uid, extra }: UserInfo): Mode {
  const bare = groups.length === 0 && uid === undefined && extra === undefined;
  if (bare && serviceAccount.test(name)) return 'serviceaccount';
  return bare && name.startsWith('system:node:') ? 'arbitrary-node' : 'user-info';
}

/** All that must be allowed to act as `asked`; `group` is that of users, groups and service accounts. */
function subjects(asked: UserInfo, group: string, verb: string): Attributes[] {
  const of = (resource: string, name: string, more: Partial<Attributes> = {}): Attributes => ({
    isResource: true,
    verb,
    group,
    resource,
    subresource: '',
    namespace: '',
    name,
    path: '',
    fieldSelector: '',
    ...more,
  });
  const [, namespace, account] = serviceAccount.exec(asked.name) ?? [];
  const uids = asked.uid === undefined ? [] : [asked.uid];
  const extra = Object.entries(asked.extra ?? {});
  return [
    verb === 'impersonate:arbitrary-node'
      ? of('nodes', asked.name.slice('system:node:'.length))
      : namespace !== undefined && account !== undefined
        ? of('serviceaccounts', account, { namespace })
        : of('users', asked.name),
    ...asked.groups.map((name) => of('groups', name)),
    ...uids.map((uid) => of('uids', uid, { group: authentication })),
    ...extra.flatMap(([key, values]) =>
      values.map((value) => of('userextras', value, { group: authentication, subresource: key })),
    ),
  ];
}

/** Groups that follow from the name, as if that user had come itself. */
function withImpliedGroups(asked: UserInfo): UserInfo {
  const [, namespace] = serviceAccount.exec(asked.name) ?? [];
  const groups = [...asked.groups];
  if (groups.length === 0 && namespace !== undefined)
    groups.push('system:serviceaccounts', `system:serviceaccounts:${namespace}`);
  const known = ['system:authenticated', 'system:unauthenticated'];
  if (!groups.some((group) => known.includes(group)))
    groups.push(
      asked.name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated',
    );
  return { ...asked, groups };
}
