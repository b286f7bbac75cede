/** Many events in one request, for who reports by the thousand: each is created as if it had come alone. */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import { forbiddenTo, isAllowed } from '../auth/authorize.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import { settleNamespace, shape } from '../verbs/admit.ts';
import { decodePlain } from '../verbs/body.ts';
import { commitCreate } from '../verbs/commit-create.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';
import { type WriteParameters, writeParameters } from '../verbs/options.ts';
import { respondJson } from '../verbs/respond.ts';

const maxEvents = 500;

/**
 * POST `/apis/berth.dev/v1/events`: an EventList of new `v1` Events of any namespaces. The answer has an item for each,
 * in order, which is empty, or has `error` (a Status) where that one failed.
 */
export async function createEvents(deps: VerbDeps, context: RequestContext): Promise<ApiResponse> {
  const { request } = context;
  const parameters = writeParameters(context, 'CreateOptions');
  const body = decodePlain(await request.body(), request.headers['content-type'], 'EventList');
  const items = asArray(body['items']);
  if (items.length > maxEvents)
    throw badRequest(
      `items: Too many: ${items.length}: at most ${maxEvents} events in one request`,
    );
  const answers = await Promise.all(
    items.map((item) => answerFor(deps, context, item, parameters)),
  );
  return respondJson(201, { kind: 'EventList', apiVersion: 'berth.dev/v1', items: answers });
}

async function answerFor(
  deps: VerbDeps,
  context: RequestContext,
  item: JsonValue,
  parameters: WriteParameters,
): Promise<JsonObject> {
  try {
    const object = asObject(item);
    if (object === undefined) throw badRequest('items[]: must be an Event');
    await createOne(deps, context, object, parameters);
    return {};
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { error: error.toStatus() } as unknown as JsonObject; // A Status is plain JSON.
  }
}

async function createOne(
  deps: VerbDeps,
  context: RequestContext,
  object: JsonObject,
  parameters: WriteParameters,
): Promise<void> {
  const kind = deps.registry.find('', 'v1', 'events');
  if (kind === undefined) throw new Error('events are always served');
  if (object['kind'] !== kind.kind || object['apiVersion'] !== kind.version)
    throw badRequest('items[]: must be an Event of v1');
  const namespace = asString(at(object, 'metadata', 'namespace'));
  const info = {
    ...context.info,
    group: kind.group,
    version: kind.version,
    resource: kind.plural,
    namespace,
  };
  if (!isAllowed(deps.authorizers, context.user, info)) throw forbiddenTo(context.user, info);
  const request: KindRequest = { ...context, kind, info };
  settleNamespace(object, request);
  shape(request, { object, duplicates: [] }, parameters.fieldValidation);
  await commitCreate(deps, request, object, parameters);
}
