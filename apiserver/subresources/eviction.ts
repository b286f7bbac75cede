/** POST `/pods/<name>/eviction`: a delete that `kubectl drain` asks for. */

import { asObject, asString, at } from '../../api/json.ts';
import { badRequest } from '../../api/status.ts';
import type { ApiResponse } from '../request/request.ts';
import { decodePlain } from '../verbs/body.ts';
import { deleteObject } from '../verbs/delete.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';
import { deleteParameters } from '../verbs/options.ts';
import { respondJson } from '../verbs/respond.ts';

export async function evict(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { headers, query } = request.request;
  const body = decodePlain(await request.request.body(), headers['content-type'], 'Eviction');
  const name = asString(at(body, 'metadata', 'name'));
  if (name !== '' && name !== request.info.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const parameters = deleteParameters(query, asObject(body['deleteOptions']) ?? {});
  await deleteObject(deps, request, parameters);
  return respondJson(201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}
