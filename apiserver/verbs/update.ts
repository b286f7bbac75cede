/** PUT: replaces an object, or its status. */

import { asObject, asString, copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { conflict, invalid, notFound } from '../../api/status.ts';
import type { ApiResponse } from '../request/request.ts';
import { type Cached, metaString } from '../storage/cached.ts';
import { settleNamespace, shape } from './admit.ts';
import { checkName, parseRevision } from './asked-object.ts';
import { decodeObject } from './body.ts';
import { commitCreate } from './commit-create.ts';
import { commitUpdate, stale } from './commit-update.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { onCurrent } from './on-current.ts';
import { type WriteParameters, writeParameters } from './options.ts';
import { respondObject } from './respond.ts';

export async function update(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  const parameters = writeParameters(request, 'UpdateOptions');
  const bytes = await request.request.body();
  const body = decodeObject(bytes, request.request.headers['content-type'], kind);
  checkName(info.name, body.object);
  settleNamespace(body.object, request);
  shape(request, body, parameters.fieldValidation);
  return replaceWith(deps, request, body.object, parameters);
}

/** The part of PUT after decoding. */
export async function replaceWith(
  deps: VerbDeps,
  request: KindRequest,
  object: JsonObject,
  parameters: WriteParameters,
): Promise<ApiResponse> {
  const { kind, info } = request;
  const done = await onCurrent(deps, request, async ({ old, isCurrent }) => {
    // Who names a uid means that very object, also where there is none.
    checkUid(request, object, old);
    if (old === undefined) {
      const given = metaString(object, 'resourceVersion');
      const named = given !== '' && given !== '0';
      if (!kind.strategy.createOnUpdate || info.subresource !== '' || named)
        throw notFound({ group: kind.group, resource: kind.plural }, info.name);
      delete asObject(object['metadata'])?.['resourceVersion'];
      const created = copyOf(object);
      return { stored: await commitCreate(deps, request, created, parameters), status: 201 };
    }
    const expected = expectedRevision(request, object);
    if (expected !== undefined && expected !== old.revision) throw stale(request);
    const next = copyOf(object);
    const subresource = info.subresource;
    const input = { old, isCurrent, next, parameters, subresource };
    const stored = await commitUpdate(deps, request, input);
    return stored === undefined ? undefined : { stored, status: 200 };
  });
  if (done === undefined) throw stale(request);
  return respondObject(deps, request, done.stored, done.status);
}

/** `undefined` = whatever is stored now. */
function expectedRevision(request: KindRequest, object: JsonObject): bigint | undefined {
  const given = metaString(object, 'resourceVersion');
  if (given === '' || given === '0') {
    if (request.kind.strategy.unconditionalUpdate) return undefined;
    const { group, plural } = request.kind;
    throw invalid({ group, kind: plural }, request.info.name, [
      {
        field: 'metadata.resourceVersion',
        type: 'FieldValueInvalid',
        message: 'Invalid value: 0x0: must be specified for an update',
      },
    ]);
  }
  return parseRevision(given);
}

function checkUid(request: KindRequest, object: JsonObject, old: Cached | undefined): void {
  const given = asString(asObject(object['metadata'])?.['uid']);
  const uid = old === undefined ? '' : metaString(old.object, 'uid');
  if (given === '' || given === uid) return;
  const { kind, info } = request;
  throw conflict(
    { group: kind.group, resource: kind.plural },
    info.name,
    `Precondition failed: UID in precondition: ${given}, UID in object meta: ${uid}`,
  );
}
