/** Paths that are not objects: discovery, OpenAPI, version and health. */
import { createHash } from 'node:crypto';
import { formatApiVersion } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { TokenIssuer } from '../auth/service-account-token.ts';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  discoveryContentType,
  negotiateDiscovery,
  openApiDocument,
  openApiHash,
  openApiIndex,
  openApiPath,
  preferredMediaType,
} from '../present/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { ApiRequest, ApiResponse } from '../request/request.ts';
import { methodNotAllowed } from '../verbs/create.ts';
import { respondJson } from '../verbs/respond.ts';
import { issuerDocument, issuerPaths } from './issuer.ts';
import { openApiV2 } from './openapi-v2.ts';
import { openApiKinds, servedResources } from './served-resources.ts';
import type { VersionInfo } from './version-info.ts';

export interface HealthCheck {
  readonly name: string;
  /** `undefined` = healthy; else what is wrong. */
  check(): Promise<string | undefined>;
}

export interface DocumentOptions {
  readonly registry: Registry;
  readonly objectMeta: Schema;
  readonly version: VersionInfo;
  readonly serverAddress: () => string;
  readonly issuer: TokenIssuer;
  readonly live: readonly HealthCheck[];
  readonly ready: readonly HealthCheck[];
}

interface Document {
  readonly body: Uint8Array;
  readonly hash: string;
}

/** Answers, or `undefined` when the path is none of its own. */
export class Documents {
  readonly #options: DocumentOptions;
  readonly #openApi = new Map<string, Document>();
  #generation = -1;

  constructor(options: DocumentOptions) {
    this.#options = options;
  }

  async answer(request: ApiRequest): Promise<ApiResponse | undefined> {
    const path = request.path.replace(/\/+$/, '');
    const [, first = '', ...rest] = path.split('/');
    // Health and OpenAPI do not look at the method, as upstream's do not.
    const onlyGet = path === '/version' || first === 'api' || first === 'apis';
    if (onlyGet && request.method !== 'GET') throw methodNotAllowed();
    if (path === '') return respondJson(200, { paths: this.#paths() });
    if (path === '/version')
      return respondJson(200, versionOf(this.#options.version), undefined, { pretty: true });
    const { issuer, serverAddress } = this.#options;
    const ofIssuer = issuerDocument(path, issuer, serverAddress());
    if (ofIssuer !== undefined) return ofIssuer;
    switch (first) {
      case 'healthz':
        return health(this.#options.ready, rest, request, first);
      case 'livez':
        return health(this.#options.live, rest, request, first);
      case 'readyz':
        return health(this.#options.ready, rest, request, first);
      case 'api':
      case 'apis':
        return this.#discovery(request, path, rest);
      case 'openapi':
        return this.#openapi(request, rest);
      default:
        return undefined;
    }
  }

  #paths(): string[] {
    const versions = servedResources(this.#options.registry).flatMap(({ group, version }) =>
      group === ''
        ? ['/api', `/api/${version}`]
        : ['/apis', `/apis/${group}`, `/apis/${group}/${version}`],
    );
    const others = ['/healthz', '/livez', '/openapi/v3', '/readyz', '/version'];
    return [...new Set([...versions, ...issuerPaths, ...others])].sort();
  }

  #discovery(request: ApiRequest, path: string, rest: readonly string[]): ApiResponse | undefined {
    const resources = servedResources(this.#options.registry);
    if (rest.length === 0) {
      const { mediaType, aggregated } = negotiateDiscovery(request.headers['accept']);
      if (aggregated !== undefined) {
        const groups = path === '/api' ? 'core' : 'named';
        const body = aggregatedDiscovery(resources, groups, aggregated);
        return cacheable(request, body, discoveryContentType(mediaType, aggregated));
      }
      return path === '/api'
        ? respondJson(200, apiVersions(resources, this.#options.serverAddress()))
        : respondJson(200, apiGroupList(resources));
    }
    const [head = '', second] = rest;
    if (path.startsWith('/api/'))
      return rest.length === 1 ? found(request, apiResourceList(resources, '', head)) : undefined;
    if (second === undefined) return found(request, apiGroup(resources, head));
    return rest.length === 2 ? found(request, apiResourceList(resources, head, second)) : undefined;
  }

  #openapi(request: ApiRequest, [version, ...rest]: readonly string[]): ApiResponse | undefined {
    if (version === 'v2' && rest.length === 0) return openApiV2(request, this.#options.version);
    if (version !== 'v3') return undefined;
    const { registry } = this.#options;
    if (this.#generation !== registry.generation) {
      this.#openApi.clear();
      this.#generation = registry.generation;
    }
    if (rest.length === 0) return this.#openApiIndex(request);
    const [prefix, second = '', third] = rest;
    const group = prefix === 'apis' ? second : '';
    const groupVersion = prefix === 'apis' ? (third ?? '') : second;
    const document = this.#openApiDocument(group, groupVersion);
    if (document === undefined) return { status: 404, headers: {}, body: new Uint8Array() };
    return openApiAnswer(request, document);
  }

  #openApiIndex(request: ApiRequest): ApiResponse {
    const versions = new Map(
      servedResources(this.#options.registry).map(({ group, version }) => [
        formatApiVersion(group, version),
        { group, version },
      ]),
    );
    const entries = [...versions.values()].flatMap(({ group, version }) => {
      const document = this.#openApiDocument(group, version);
      return document === undefined ? [] : [{ group, version, hash: document.hash }];
    });
    // Upstream serves this JSON as text/plain, and clients have come to expect it.
    return cacheable(request, openApiIndex(entries), 'text/plain; charset=utf-8');
  }

  #openApiDocument(group: string, version: string): Document | undefined {
    const id = openApiPath(group, version);
    const known = this.#openApi.get(id);
    if (known !== undefined) return known;
    const document = openApiDocument({
      group,
      version,
      kinds: openApiKinds(this.#options.registry),
      objectMeta: this.#options.objectMeta,
      serverVersion: this.#options.version.gitVersion,
    });
    if (document === undefined) return undefined;
    const body = Buffer.from(JSON.stringify(document));
    const made = { body, hash: openApiHash(body) };
    this.#openApi.set(id, made);
    return made;
  }
}

function found(request: ApiRequest, body: object | undefined): ApiResponse | undefined {
  if (body === undefined) return undefined;
  return respondJson(200, body, preferredMediaType(request.headers['accept']));
}

/** What upstream adds since it can emulate older versions; Berth emulates none. */
function versionOf(version: VersionInfo): VersionInfo {
  return {
    ...version,
    emulationMajor: version.major,
    emulationMinor: version.minor,
    minCompatibilityMajor: version.major,
    minCompatibilityMinor: version.minor,
  };
}

/** With an ETag of its content; 304 when the client has it already. */
function cacheable(request: ApiRequest, value: object, contentType: string): ApiResponse {
  const body = Buffer.from(JSON.stringify(value));
  const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
  const headers = {
    'content-type': contentType,
    etag,
    vary: 'Accept',
    'cache-control': 'public',
  };
  if (request.headers['if-none-match'] === etag)
    return { status: 304, headers, body: new Uint8Array() };
  return { status: 200, headers, body };
}

function openApiAnswer(request: ApiRequest, { body, hash }: Document): ApiResponse {
  const asked = request.query.get('hash');
  const etag = `"${hash}"`;
  if (asked !== null && asked !== hash) {
    const location = `${request.path}?hash=${hash}`;
    return { status: 301, headers: { location }, body: new Uint8Array() };
  }
  const headers = {
    'content-type': 'application/json',
    etag,
    vary: 'Accept',
    'cache-control': asked === hash ? 'public, immutable' : 'no-cache, private',
  };
  if (request.headers['if-none-match'] === etag)
    return { status: 304, headers, body: new Uint8Array() };
  return { status: 200, headers, body };
}

/**
 * `ok`, or with `?verbose` (and on failure) one line per check. `/readyz/<name>` asks for one check,
 * `?exclude=<name>` leaves one out.
 */
async function health(
  checks: readonly HealthCheck[],
  [one]: readonly string[],
  request: ApiRequest,
  path: string,
): Promise<ApiResponse> {
  const excluded = new Set(request.query.getAll('exclude'));
  const wanted = one === undefined ? checks : checks.filter(({ name }) => name === one);
  const chosen = wanted.filter(({ name }) => !excluded.has(name));
  if (wanted.length === 0) return text(404, '404 page not found\n');
  const results = await Promise.all(
    chosen.map(async ({ name, check }) => ({ name, why: await check().catch(String) })),
  );
  const failed = results.filter(({ why }) => why !== undefined);
  if (failed.length === 0 && !request.query.has('verbose')) return text(200, 'ok');
  const lines = results.map(({ name, why }) =>
    why === undefined ? `[+]${name} ok` : `[-]${name} failed: ${why}`,
  );
  for (const name of excluded) lines.push(`[+]${name} excluded: ok`);
  const verdict = failed.length === 0 ? `${path} check passed` : `${path} check failed`;
  return text(failed.length === 0 ? 200 : 500, `${lines.join('\n')}\n${verdict}\n`);
}

/** A plain answer, as the real server gives outside the API. */
export function text(status: number, body: string): ApiResponse {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: Buffer.from(body),
  };
}
