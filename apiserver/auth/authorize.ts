/** Whether a user may do what a request asks: administrators, nodes, then RBAC. */
import { StatusError } from '../../api/status.ts';
import type { UserInfo } from '../request/request.ts';
import type { RequestInfo } from '../request/request-info.ts';

/** What is to be decided; `RequestInfo` is one, an access review makes another. */
export type Attributes = Pick<
  RequestInfo,
  | 'isResource'
  | 'verb'
  | 'group'
  | 'resource'
  | 'subresource'
  | 'namespace'
  | 'name'
  | 'path'
  | 'fieldSelector'
>;

/** `allow` ends the search; `next` leaves it to the next authorizer. */
export type Authorizer = (user: UserInfo, attributes: Attributes) => 'allow' | 'next';

/** Members of this group may do everything. */
export const mastersGroup = 'system:masters';

export const masters: Authorizer = (user) =>
  user.groups.includes(mastersGroup) ? 'allow' : 'next';

export function isAllowed(
  authorizers: readonly Authorizer[],
  user: UserInfo,
  attributes: Attributes,
): boolean {
  return authorizers.some((authorizer) => authorizer(user, attributes) === 'allow');
}

/** The 403 in upstream's words. */
export function forbiddenTo(user: UserInfo, info: Attributes): StatusError {
  if (!info.isResource)
    return new StatusError(
      403,
      'Forbidden',
      `forbidden: User "${user.name}" cannot ${info.verb} path "${info.path}"`,
      {},
    );
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  const where =
    info.namespace === '' ? 'at the cluster scope' : `in the namespace "${info.namespace}"`;
  const what = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
  const subject = info.name === '' ? what : `${what} "${info.name}"`;
  return new StatusError(
    403,
    'Forbidden',
    `${subject} is forbidden: User "${user.name}" cannot ${info.verb} resource "${resource}" in API group "${info.group}" ${where}`,
    {
      ...(info.name === '' ? {} : { name: info.name }),
      ...(info.group === '' ? {} : { group: info.group }),
      kind: info.resource,
    },
  );
}
