/**
 * What a request is about, read from its path and method alone.
 * Source: Kubernetes `RequestInfo` (apiserver/pkg/endpoints/request), whose table of cases it follows.
 */
import { parseFieldSelector } from '../../api/field-selector.ts';
import { queryFlag } from '../../api/query-flag.ts';

export interface RequestInfo {
  readonly isResource: boolean;
  readonly path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection; or the HTTP method in lower case. */
  readonly verb: string;
  readonly apiPrefix: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  /** Plural; empty for non-resource paths. */
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** As given in the query; authorisation of nodes looks at it. */
  readonly fieldSelector: string;
  /** Path segments after resource, name and subresource. */
  readonly rest: readonly string[];
}

const namespaceSubresources = new Set(['status', 'finalize']);
const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Never throws: what is not a resource path is a non-resource path. */
export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const nonResource: RequestInfo = {
    isResource: false,
    path,
    verb: method.toLowerCase(),
    apiPrefix: '',
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    fieldSelector: query.get('fieldSelector') ?? '',
    rest: [],
  };
  const segments = path.split('/').filter((segment) => segment !== '');
  const [apiPrefix] = segments;
  if (apiPrefix !== 'api' && apiPrefix !== 'apis') return nonResource;
  const head = apiPrefix === 'api' ? 2 : 3;
  if (segments.length <= head) return { ...nonResource, apiPrefix };
  const group = apiPrefix === 'api' ? '' : (segments[1] ?? '');
  const version = segments[head - 1] ?? '';
  let rest = segments.slice(head);
  let verb = verbs[method] ?? '';
  let legacyWatch = false;
  if (rest[0] === 'watch' && rest.length > 1) {
    legacyWatch = true;
    verb = 'watch';
    rest = rest.slice(1);
  }
  const place = splitNamespace(rest);
  const [resource = '', name = '', subresource = '', ...tail] = place.parts;
  if (name === '' && !legacyWatch) verb = collectionVerb(verb, query);
  return {
    ...nonResource,
    isResource: true,
    verb,
    apiPrefix,
    group,
    version,
    namespace: place.namespace,
    resource,
    subresource,
    name,
    // Upstream does not read selectors of paths under /watch/.
    fieldSelector: legacyWatch ? '' : nonResource.fieldSelector,
    rest: tail,
  };
}

/**
 * As access is judged: a list or watch of `metadata.name=x` is about x alone, so that a rule with
 * `resourceNames` allows it. What is no selector is refused later, by who reads it.
 */
export function accessInfo(info: RequestInfo): RequestInfo {
  const collection = info.isResource && (info.verb === 'list' || info.verb === 'watch');
  if (!collection || info.name !== '' || info.fieldSelector === '') return info;
  try {
    const { requirements } = parseFieldSelector(info.fieldSelector);
    const name = requirements.find((r) => r.field === 'metadata.name' && r.operator === '=')?.value;
    return name === undefined || /^\.{1,2}$|[/%]/.test(name) ? info : { ...info, name };
  } catch {
    return info;
  }
}

function splitNamespace(rest: readonly string[]): { namespace: string; parts: readonly string[] } {
  if (rest[0] !== 'namespaces' || rest.length === 1) return { namespace: '', parts: rest };
  const namespace = rest[1] ?? '';
  const third = rest[2];
  // `/namespaces/x` and `/namespaces/x/status` are about the Namespace object itself.
  if (third === undefined || namespaceSubresources.has(third)) return { namespace, parts: rest };
  return { namespace, parts: rest.slice(2) };
}

function collectionVerb(verb: string, query: URLSearchParams): string {
  if (verb === 'get') return isWatch(query) ? 'watch' : 'list';
  if (verb === 'delete') return 'deletecollection';
  return verb;
}

/** Upstream reads any value but these as true (`watch=maybe` is a watch). */
export function isWatch(query: URLSearchParams): boolean {
  return queryFlag(query, 'watch');
}
