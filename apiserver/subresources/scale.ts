/** `/scale`: the replicas of any kind that declares where they are. Source: autoscaling/v1 Scale. */

import { asObject, asString, at, child, copyOf } from '../../api/json.ts';
import { compileJsonPath } from '../../api/jsonpath.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, invalid, notFound, StatusError } from '../../api/status.ts';
import { applyJsonPatch, applyMergePatch } from '../patch/index.ts';
import type { ScalePaths } from '../registry/served-kind.ts';
import type { ApiResponse } from '../request/request.ts';
import { invalidValue } from '../schema/field-error.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import { parseRevision } from '../verbs/asked-object.ts';
import { decodePlain, mediaType, unsupportedMediaType } from '../verbs/body.ts';
import { type AdmissionForm, commitUpdate, stale } from '../verbs/commit-update.ts';
import { methodNotAllowed } from '../verbs/create.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { writeParameters } from '../verbs/options.ts';
import { parsePatch } from '../verbs/patch.ts';
import { respondJson } from '../verbs/respond.ts';
import { prepareViews, viewOf } from '../verbs/view.ts';

const maxTries = 5;
const verbs = new Set(['get', 'update', 'patch']);

export async function scale(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  const paths = kind.scale;
  if (paths === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  if (!verbs.has(info.verb)) throw methodNotAllowed({ group: kind.group, kind: kind.plural });
  if (info.verb === 'get')
    return respondJson(200, scaleOf(await current(deps, request), request, paths));
  const parameters = writeParameters(
    request,
    info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions',
  );
  const bytes = await request.request.body();
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const old = await current(deps, request);
    const wanted = wantedScale(request, old, paths, bytes);
    const given = metaString(wanted, 'resourceVersion');
    if (given !== '' && given !== '0' && parseRevision(given) !== old.revision)
      throw stale(request);
    const next = copyOf(viewOf(old, kind).object);
    setReplicas(next, paths.specReplicasPath, replicasOf(wanted, request));
    const stored = await commitUpdate(deps, request, {
      old,
      isCurrent: async () => true,
      next,
      parameters,
      subresource: 'scale',
      form: scaleForm(request, paths),
    });
    if (stored === undefined) continue;
    await prepareViews(deps, request, [stored]);
    return respondJson(200, scaleOf(stored, request, paths));
  }
  throw stale(request);
}

function scaleForm(request: KindRequest, paths: ScalePaths): AdmissionForm {
  return {
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    show: (object) => scaleFrom(object, paths, 0),
    take(shown, object) {
      setReplicas(object, paths.specReplicasPath, replicasOf(shown, request));
      return object;
    },
  };
}

async function current(deps: VerbDeps, request: KindRequest): Promise<Cached> {
  const { kind, info } = request;
  const found = await currentObject(deps, request);
  if (found === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  await prepareViews(deps, request, [found]);
  return found;
}

/** `absent` stands in for replicas that are not set; without it they are an error. */
function scaleOf(
  cached: Cached,
  { kind }: KindRequest,
  paths: ScalePaths,
  absent?: number,
): JsonObject {
  return scaleFrom(viewOf(cached, kind).object, paths, absent);
}

function scaleFrom(object: JsonObject, paths: ScalePaths, absent?: number): JsonObject {
  const metadata = metadataOf(object);
  const replicas = numberAt(object, paths.specReplicasPath) ?? absent;
  if (replicas === undefined) {
    const why = `the spec replicas field "${paths.specReplicasPath}" does not exist`;
    throw new StatusError(500, 'InternalError', `Internal error occurred: ${why}`, {
      causes: [{ message: why }],
    });
  }
  const selector =
    paths.labelSelectorPath === undefined
      ? ''
      : asString(compileJsonPath(paths.labelSelectorPath)(object)[0]);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: metadata['name'],
      namespace: metadata['namespace'],
      uid: metadata['uid'],
      resourceVersion: metadata['resourceVersion'],
      creationTimestamp: metadata['creationTimestamp'],
    },
    spec: { replicas },
    status: {
      replicas: numberAt(object, paths.statusReplicasPath) ?? 0,
      ...(selector === '' ? {} : { selector }),
    },
  };
}

function numberAt(object: JsonObject, path: string): number | undefined {
  const [value] = compileJsonPath(path)(object);
  return typeof value === 'number' ? value : undefined;
}

function wantedScale(
  request: KindRequest,
  old: Cached,
  paths: ScalePaths,
  bytes: Uint8Array,
): JsonObject {
  const type = request.request.headers['content-type'];
  if (request.info.verb !== 'patch') return decodePlain(bytes, type, 'Scale');
  const patchType = scalePatchTypes[mediaType(type)];
  if (patchType === undefined) throw unsupportedMediaType(Object.keys(scalePatchTypes));
  const { value } = parsePatch(bytes, patchType);
  // A patch may give replicas to an object that has none yet.
  const scale = scaleOf(old, request, paths, 0);
  return patchType === 'merge'
    ? applyMergePatch(scale, asObject(value) ?? {})
    : applyJsonPatch(scale, Array.isArray(value) ? value : []);
}

const scalePatchTypes: Readonly<Record<string, 'json' | 'merge'>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
};

function replicasOf(wanted: JsonObject, { kind, info }: KindRequest): number {
  const name = metaString(wanted, 'name');
  if (name !== '' && name !== info.name)
    throw badRequest(
      `the name of the object (${name}) does not match the name on the URL (${info.name})`,
    );
  const value = at(wanted, 'spec', 'replicas') ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw badRequest('spec.replicas must be an integer');
  // Of custom kinds the whole object is judged, which finds it, too.
  if (value < 0 && kind.builtin)
    throw invalid(kind, info.name, [
      invalidValue(kind.scale?.specReplicasPath ?? '', value, 'should be a non-negative integer'),
    ]);
  return value;
}

function setReplicas(object: JsonObject, path: string, replicas: number): void {
  const fields = path.split('.').filter((field) => field !== '');
  const last = fields.pop() ?? 'replicas';
  const parent = fields.reduce<JsonObject>((value, field) => child(value, field), object);
  parent[last] = replicas;
}
