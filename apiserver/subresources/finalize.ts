/** PUT `/namespaces/<name>/finalize`: the only way to change a namespace's `spec.finalizers`. */

import { at, child, copyOf } from '../../api/json.ts';
import { notFound } from '../../api/status.ts';
import type { ApiResponse } from '../request/request.ts';
import { metaString } from '../storage/cached.ts';
import { checkName, parseRevision } from '../verbs/asked-object.ts';
import { decodeObject } from '../verbs/body.ts';
import { commitUpdate, stale } from '../verbs/commit-update.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { writeParameters } from '../verbs/options.ts';
import { respondObject } from '../verbs/respond.ts';

export async function finalize(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  const parameters = writeParameters(request, 'UpdateOptions');
  const body = decodeObject(
    await request.request.body(),
    request.request.headers['content-type'],
    kind,
  );
  checkName(info.name, body.object);
  const old = await currentObject(deps, request);
  if (old === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  const given = metaString(body.object, 'resourceVersion');
  if (given !== '' && parseRevision(given) !== old.revision) throw stale(request);
  const next = copyOf(old.object);
  child(next, 'spec')['finalizers'] = at(body.object, 'spec', 'finalizers') ?? [];
  const finalizing: KindRequest = {
    ...request,
    // The strategy keeps spec.finalizers as they were; here they are what is written.
    kind: { ...kind, strategy: withoutUpdateHook(kind.strategy) },
  };
  const subresource = 'finalize';
  const input = { old, isCurrent: async () => true, next, parameters, subresource };
  const stored = await commitUpdate(deps, finalizing, input);
  if (stored === undefined) throw stale(request);
  return respondObject(deps, request, stored, 200);
}

function withoutUpdateHook(strategy: KindRequest['kind']['strategy']) {
  const { prepareForUpdate: _hook, ...rest } = strategy;
  return rest;
}
