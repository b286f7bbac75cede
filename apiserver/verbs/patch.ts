/** PATCH: JSON patch, merge patch, strategic merge patch and server-side apply. */

import { asObject, copyOf } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { formatApiVersion } from '../../api/meta.ts';
import { badRequest, conflict, invalid, notFound, StatusError } from '../../api/status.ts';
import { applyObject } from '../apply/index.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicPatch } from '../patch/index.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { ApiResponse } from '../request/request.ts';
import { invalidValue } from '../schema/field-error.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import { parseJson, stringifyJson } from '../wire/json.ts';
import { parseYaml } from '../wire/yaml.ts';
import { settleNamespace, shape } from './admit.ts';
import { checkName, parseRevision } from './asked-object.ts';
import { mediaType, unsupportedMediaType } from './body.ts';
import { commitCreate, resetFields, withManagedFields } from './commit-create.ts';
import { commitUpdate, stale, type UpdateInput } from './commit-update.ts';
import type { ErrorOf } from './decode-errors.ts';
import { type KindRequest, timestamp, type VerbDeps } from './deps.ts';
import { onCurrent } from './on-current.ts';
import { type WriteParameters, writeParameters } from './options.ts';
import { respondObject } from './respond.ts';
import { viewOf } from './view.ts';

type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export async function patch(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const type = patchTypeOf(request);
  const bytes = await request.request.body();
  const parameters = writeParameters(request, 'PatchOptions', type === 'apply');
  if (type === 'apply') return apply(deps, request, bytes, parameters);
  const parsed = parsePatch(bytes, type);
  const stored = await onCurrent(deps, request, ({ old, isCurrent }) => {
    const { kind, info } = request;
    if (old === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
    const next = patched(request, old, parsed.value, type);
    checkIdentity(request, next, old);
    checkRevision(request, next, old);
    const body = { object: next, duplicates: parsed.duplicates };
    const errorOf = patchError(request.kind, next);
    shape(request, body, parameters.fieldValidation, { errorOf });
    const subresource = info.subresource;
    return commitUpdate(deps, request, { old, isCurrent, next, parameters, subresource, errorOf });
  });
  if (stored === undefined) throw stale(request);
  return respondObject(deps, request, stored, 200);
}

function patchTypeOf({ request, kind }: KindRequest): PatchType {
  const type = patchTypes[mediaType(request.headers['content-type'])];
  if (type !== undefined && (type !== 'strategic' || kind.builtin)) return type;
  const accepted = Object.keys(patchTypes).filter(
    (each) => each !== 'application/strategic-merge-patch+json',
  );
  // Where upstream's built-in kinds are served a router refuses it first, without the list.
  if (kind.builtin)
    throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  throw unsupportedMediaType(accepted);
}

/** Throws 400 for what is no patch of that type. */
export function parsePatch(bytes: Uint8Array, type: PatchType) {
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(bytes);
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
  const isArray = Array.isArray(parsed.value);
  if (type === 'json' && !isArray)
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  if (type !== 'json' && asObject(parsed.value) === undefined)
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${isArray ? 'array' : typeof parsed.value} into Go value of type map[string]interface {}`,
    );
  return parsed;
}

function patched(
  { kind }: KindRequest,
  old: Cached,
  value: JsonValue,
  type: Exclude<PatchType, 'apply'>,
): JsonObject {
  const current = copyOf(viewOf(old, kind).object);
  const change = asObject(value) ?? {};
  if (type === 'merge') return applyMergePatch(current, change);
  if (type === 'strategic') return applyStrategicPatch(current, change, kind.schema);
  return applyJsonPatch(current, Array.isArray(value) ? value : []);
}

/** A patch cannot turn an object into another one. */
function checkIdentity(request: KindRequest, next: JsonObject, old: Cached): void {
  const { kind, info } = request;
  const name = metaString(old.object, 'name');
  const apiVersion = formatApiVersion(kind.group, kind.version);
  const given = String(next['kind']);
  const wrong = given !== kind.kind || next['apiVersion'] !== apiVersion;
  if (wrong && kind.builtin)
    throw patchError(
      kind,
      next,
    )(`no kind "${given}" is registered for version "${next['apiVersion']}" here`);
  if (given !== kind.kind)
    throw invalid({ group: kind.group, kind: given }, name, [
      invalidValue('kind', given, `must be ${kind.kind}`),
    ]);
  if (next['apiVersion'] !== apiVersion)
    throw invalid({ group: '', kind: kind.kind }, name, [
      invalidValue('apiVersion', next['apiVersion'], `must be ${apiVersion}`),
    ]);
  checkName(info.name, next);
  settleNamespace(next, request);
}

/** A patch that names a resourceVersion is meant for that one only. */
function checkRevision(request: KindRequest, next: JsonObject, old: Cached): void {
  const given = metaString(next, 'resourceVersion');
  if (given !== '' && given !== '0' && parseRevision(given) !== old.revision) throw stale(request);
}

/** 422: what the patch makes of the object cannot be read. Upstream shows all of that object. */
function patchError(kind: ServedKind, next: JsonObject): ErrorOf {
  const [field, type] = ['patch', 'FieldValueInvalid'] as const;
  if (kind.strategy.plainWords === true)
    return (message) => invalid(kind, metaString(next, 'name'), [{ field, type, message }]);
  const shown = JSON.stringify(stringifyJson(next));
  return (message) =>
    invalid({ group: '', kind: '' }, '', [
      { field, type, message: `Invalid value: ${shown}: ${message}` },
    ]);
}

async function apply(
  deps: VerbDeps,
  request: KindRequest,
  bytes: Uint8Array,
  parameters: WriteParameters,
): Promise<ApiResponse> {
  const applied = decodeApplied(request, bytes, parameters);
  const done = await onCurrent(deps, request, async ({ old, isCurrent }) => {
    const live = old === undefined ? undefined : viewOf(old, request.kind).object;
    const result = applyObject({
      live,
      applied: copyOf(applied),
      manager: parameters.fieldManager,
      apiVersion: formatApiVersion(request.kind.group, request.kind.version),
      kind: request.kind.kind,
      subresource: request.info.subresource,
      force: parameters.force,
      schema: request.kind.schema,
      builtin: request.kind.builtin,
      resetFields: resetFields(request.kind, request.info.subresource),
      now: timestamp(deps.clock),
    });
    const managed = (object: JsonObject) => withManagedFields(object, result.managedFields);
    const stored =
      old === undefined
        ? await createApplied(deps, request, applied, result.object, parameters, managed)
        : await updateApplied(deps, request, applied, {
            next: copyOf(result.object),
            old,
            isCurrent,
            parameters,
            subresource: request.info.subresource,
            managed,
          });
    return stored === undefined ? undefined : { stored, status: old === undefined ? 201 : 200 };
  });
  if (done === undefined) throw stale(request);
  return respondObject(deps, request, done.stored, done.status);
}

function decodeApplied(
  request: KindRequest,
  bytes: Uint8Array,
  parameters: WriteParameters,
): JsonObject {
  let parsed: ReturnType<typeof parseYaml>;
  try {
    parsed = parseYaml(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : error}`);
  }
  const applied = asObject(parsed.value);
  const { kind, info } = request;
  const apiVersion = formatApiVersion(kind.group, kind.version);
  if (applied === undefined) throw badRequest('error decoding YAML: the body must be an object');
  if (applied['apiVersion'] !== apiVersion)
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${applied['apiVersion'] ?? ''}, expected: ${apiVersion}`,
    );
  if (applied['kind'] !== kind.kind)
    throw badRequest(
      `the kind in the data (${applied['kind']}) does not match the expected kind (${kind.kind})`,
    );
  if (metadataOf(applied)['managedFields'] !== undefined)
    throw badRequest('metadata.managedFields must be nil');
  checkName(info.name, applied);
  settleNamespace(applied, request);
  if (parameters.fieldValidation === 'Strict' && parsed.duplicates.length > 0)
    throw badRequest(
      `error strict decoding YAML: ${parsed.duplicates.map((path) => `duplicate field "${path}"`).join(', ')}`,
    );
  return applied;
}

async function createApplied(
  deps: VerbDeps,
  request: KindRequest,
  applied: JsonObject,
  result: JsonObject,
  parameters: WriteParameters,
  managed: (object: JsonObject) => JsonObject,
): Promise<Cached | undefined> {
  const { kind, info } = request;
  const resource = { group: kind.group, resource: kind.plural };
  if (info.subresource !== '') throw notFound(resource, info.name);
  if (metaString(applied, 'uid') !== '')
    throw conflict(
      resource,
      info.name,
      `uid mismatch: the provided object specified uid ${metaString(applied, 'uid')}, and no existing object was found`,
    );
  const object = copyOf(result);
  delete asObject(object['metadata'])?.['resourceVersion'];
  shape(request, { object, duplicates: [] }, parameters.fieldValidation, { keepNulls: true });
  try {
    return await commitCreate(deps, request, object, parameters, managed);
  } catch (error) {
    // Somebody created it between our read and our write: merge into theirs.
    if (error instanceof StatusError && error.reason === 'AlreadyExists') return undefined;
    throw error;
  }
}

async function updateApplied(
  deps: VerbDeps,
  request: KindRequest,
  applied: JsonObject,
  input: UpdateInput,
): Promise<Cached | undefined> {
  checkRevision(request, applied, input.old);
  const body = { object: input.next, duplicates: [] };
  shape(request, body, input.parameters.fieldValidation, { keepNulls: true });
  return commitUpdate(deps, request, input);
}
