/** GET and PUT `/certificatesigningrequests/<name>/approval`: `kubectl certificate approve | deny`. */

import { notFound } from '../../api/status.ts';
import { withDecision } from '../kinds/certificate-request.ts';
import type { ApiResponse } from '../request/request.ts';
import { checkName } from '../verbs/asked-object.ts';
import { decodeObject } from '../verbs/body.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { writeParameters } from '../verbs/options.ts';
import { replaceWith } from '../verbs/update.ts';

export async function approve(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  const parameters = writeParameters(request, 'UpdateOptions');
  const bytes = await request.request.body();
  const { object } = decodeObject(bytes, request.request.headers['content-type'], kind);
  checkName(info.name, object);
  const old = await currentObject(deps, request);
  if (old === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  // What is written is a status; only who may write it differs.
  const asStatus = {
    ...request,
    info: { ...info, subresource: 'status' },
    askedSubresource: 'approval',
  };
  return replaceWith(deps, asStatus, withDecision(object, old.object), parameters);
}
