/** Answers in the form the client asked for: JSON, YAML, Table or PartialObjectMetadata. */
import { stringify as yamlStringify } from 'yaml';
import { formatApiVersion, type JsonObject, type JsonValue } from '../../api/meta.ts';
import { Turns } from '../../lib/turns.ts';
import type { Revision } from '../../store/store.ts';
import {
  type Conversion,
  makeTable,
  negotiate,
  notAcceptableList,
  notAcceptableObject,
  parseIncludeObject,
  partialObject,
  partialObjectList,
} from '../present/index.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { ApiResponse } from '../request/request.ts';
import { type Cached, metaString } from '../storage/cached.ts';
import { jsonPieces, stringifyJson } from '../wire/json.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { bytesOf, encode, itemBytes, prepareViews, viewOf } from './view.ts';

/** What a list found. */
export interface Selected {
  readonly objects: readonly Cached[];
  readonly revision: Revision;
  readonly continueToken?: string;
  readonly remaining?: number;
}

const json = 'application/json';

/** One object. */
export async function respondObject(
  deps: VerbDeps,
  request: KindRequest,
  cached: Cached,
  status: number,
): Promise<ApiResponse> {
  const { kind } = request;
  await prepareViews(deps, request, [cached]);
  const { mediaType, as, pretty } = negotiate(request.request.headers['accept'], 'object');
  if (as?.kind === 'PartialObjectMetadataList') throw notAcceptableObject(goType(kind, ''));
  if (as !== undefined) {
    const body = converted(deps, request, [cached], as, {
      resourceVersion: metaString(cached.object, 'resourceVersion'),
    });
    return respondJson(status, body, mediaType, { pretty: pretty || wantsPretty(request) });
  }
  if (mediaType !== json || pretty || wantsPretty(request))
    return respondJson(status, viewOf(cached, kind).object, mediaType, {
      pretty: true,
      sortKeys: !kind.builtin,
    });
  return answer(status, Buffer.concat([bytesOf(cached, kind), lineBreak]), json);
}

/** A list. */
export async function respondList(
  deps: VerbDeps,
  request: KindRequest,
  selected: Selected,
): Promise<ApiResponse> {
  const { kind } = request;
  await prepareViews(deps, request, selected.objects);
  const { mediaType, as, pretty } = negotiate(request.request.headers['accept'], 'object');
  const metadata = {
    resourceVersion: String(selected.revision),
    ...(selected.continueToken === undefined ? {} : { continue: selected.continueToken }),
    ...(selected.remaining === undefined ? {} : { remainingItemCount: selected.remaining }),
  };
  if (as?.kind === 'PartialObjectMetadata') throw notAcceptableList(goType(kind, 'List'));
  const indent = pretty || wantsPretty(request);
  if (as !== undefined)
    return respondJson(200, converted(deps, request, selected.objects, as, metadata), mediaType, {
      pretty: indent,
    });
  // Lists of custom objects always say how they go on.
  const listMeta = kind.builtin ? metadata : { continue: '', ...metadata };
  if (mediaType !== json || indent) {
    const items = selected.objects.map((cached) => listItem(viewOf(cached, kind).object, kind));
    return respondJson(200, { ...listType(kind), metadata: listMeta, items }, mediaType, {
      pretty: true,
      sortKeys: !kind.builtin,
    });
  }
  const head = stringifyJson({ ...listType(kind), metadata: listMeta }).slice(0, -1);
  const chunks: Uint8Array[] = [Buffer.from(`${head},"items":[`)];
  for (const [index, cached] of selected.objects.entries()) {
    if (index > 0) chunks.push(comma);
    chunks.push(...itemBytes(cached, kind));
  }
  chunks.push(listEnd);
  return answer(200, Buffer.concat(chunks), json);
}

const comma = Buffer.from(',');
const listEnd = Buffer.from(']}\n');
const lineBreak = Buffer.from('\n');

/** Upstream's field order: built-in lists say their kind first. */
function listType(kind: ServedKind): JsonObject {
  const apiVersion = formatApiVersion(kind.group, kind.version);
  return kind.builtin ? { kind: kind.listKind, apiVersion } : { apiVersion, kind: kind.listKind };
}

function listItem(object: JsonObject, kind: ServedKind): JsonObject {
  if (!kind.builtin) return object;
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}

function converted(
  deps: VerbDeps,
  request: KindRequest,
  objects: readonly Cached[],
  as: Conversion,
  metadata: { readonly resourceVersion?: string },
): JsonValue {
  const { kind } = request;
  const views = objects.map((cached) => viewOf(cached, kind).object);
  if (as.kind === 'PartialObjectMetadataList')
    return asJson(partialObjectList(views, metadata, as.version));
  if (as.kind === 'PartialObjectMetadata') return asJson(partialObject(views[0] ?? {}, as.version));
  return tableOf(deps, request, views, as, metadata, true);
}

function tableOf(
  deps: VerbDeps,
  request: KindRequest,
  objects: readonly JsonObject[],
  as: Conversion,
  metadata: { readonly resourceVersion?: string },
  withColumns: boolean,
): JsonValue {
  const { kind } = request;
  return asJson(
    makeTable({
      kind: {
        group: kind.group,
        resource: kind.plural,
        builtin: kind.builtin,
        columns: kind.columns,
      },
      objects,
      metadata,
      nowMs: deps.clock.now(),
      includeObject: parseIncludeObject(request.request.query.get('includeObject')),
      version: as.version,
      withColumns,
    }),
  );
}

/** Values made of JSON parts whose interfaces have no index signature. */
function asJson(value: object): JsonValue {
  return value as JsonObject;
}

/** Upstream's Go type of an object or list, which some error messages name. */
function goType(kind: ServedKind, suffix: string): string {
  return kind.builtin
    ? `*${kind.version}.${kind.kind}${suffix}`
    : `*unstructured.Unstructured${suffix}`;
}

/** Encodes any JSON body. */
export function respondJson(
  status: number,
  body: object | JsonValue,
  mediaType: string = json,
  { pretty = false, sortKeys = false } = {},
): ApiResponse {
  const value = body as JsonValue; // Every caller hands over plain data.
  if (mediaType === 'application/yaml')
    return answer(status, Buffer.from(yamlStringify(value, { version: '1.1' })), mediaType);
  const text = stringifyJson(value, { sortKeys, ...(pretty ? { indent: 2 } : {}) });
  return answer(status, Buffer.from(`${text}\n`), json);
}

/** As `respondJson`, of what may tell of a hundred thousand nodes. */
export async function respondInTurns(
  { clock }: VerbDeps,
  status: number,
  body: JsonObject,
): Promise<ApiResponse> {
  const turns = new Turns(clock);
  const pieces: Buffer[] = [];
  for (const piece of jsonPieces(body)) {
    pieces.push(Buffer.from(piece));
    await turns.step();
  }
  return answer(status, Buffer.concat([...pieces, lineBreak]), json);
}

function answer(status: number, body: Uint8Array, contentType: string): ApiResponse {
  return {
    status,
    headers: { 'content-type': contentType, 'cache-control': 'no-cache, private' },
    body,
  };
}

function wantsPretty({ request }: KindRequest): boolean {
  const value = request.query.get('pretty');
  if (value !== null) return value !== 'false' && value !== '0';
  return /^(curl|Wget|Mozilla)\//.test(request.headers['user-agent'] ?? '');
}

/** Turns changes into lines of a watch stream. */
export interface EventEncoder {
  readonly contentType: string;
  object(type: 'ADDED' | 'MODIFIED' | 'DELETED', cached: Cached): Uint8Array;
  bookmark(object: JsonObject): Uint8Array;
}

/** In the form that `Accept` asks for; a Table's columns come with the first event only. */
export function eventEncoder(deps: VerbDeps, request: KindRequest): EventEncoder {
  const { kind } = request;
  const { as } = negotiate(request.request.headers['accept'], 'watch');
  const line = (type: string, object: Uint8Array) =>
    Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, lineEnd]);
  if (as === undefined)
    return {
      contentType: json,
      object: (type, cached) => line(type, bytesOf(cached, kind)),
      bookmark: (object) => line('BOOKMARK', encode(object, kind)),
    };
  let first = true;
  const form = (object: JsonObject): Uint8Array => {
    if (as.kind !== 'Table')
      return Buffer.from(stringifyJson(asJson(partialObject(object, as.version))));
    const table = tableOf(
      deps,
      request,
      [object],
      as,
      { resourceVersion: metaString(object, 'resourceVersion') },
      first,
    );
    first = false;
    return Buffer.from(stringifyJson(table));
  };
  return {
    contentType: json,
    object: (type, cached) => line(type, form(viewOf(cached, kind).object)),
    bookmark: (object) => line('BOOKMARK', form(object)),
  };
}

const lineEnd = Buffer.from('}\n');
