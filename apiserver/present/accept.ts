/**
 * Content negotiation: which media type, and which form of the object, an `Accept` header asks for.
 * Source: Kubernetes apiserver v0.32, `pkg/endpoints/handlers/negotiation`.
 */
import { StatusError } from '../../api/status.ts';

export type MediaType = 'application/json' | 'application/yaml';

/** The form that stands in for the object itself. */
export interface Conversion {
  readonly kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  /** Of group `meta.k8s.io`. */
  readonly version: 'v1' | 'v1beta1';
}

export interface Negotiated {
  readonly mediaType: MediaType;
  /** `undefined`: the object as it is. */
  readonly as: Conversion | undefined;
  /** The client asked for indented JSON by a parameter of the media type. */
  readonly pretty: boolean;
}

/**
 * For answers that are objects. Without an `Accept` header the answer is JSON. Protobuf is never
 * answered; clients that prefer it also name JSON. Throws a `StatusError` NotAcceptable (406).
 */
export function negotiate(accept: string | undefined, use: 'object' | 'watch'): Negotiated {
  for (const clause of parseAccept(accept)) {
    const mediaType = matchMediaType(clause, use);
    const as = conversionOf(clause.parameters);
    if (mediaType === undefined || as === 'unknown') continue;
    return { mediaType, as, pretty: clause.parameters.get('pretty') === '1' };
  }
  throw notAcceptable();
}

/** For answers that must not fail over it, as errors are: YAML if it is asked for, else JSON. */
export function preferredMediaType(accept: string | undefined): MediaType {
  for (const clause of parseAccept(accept)) {
    const mediaType = matchMediaType(clause, 'object');
    if (mediaType !== undefined) return mediaType;
  }
  return 'application/json';
}

/** For `/api` and `/apis`: `aggregated` is the version of APIGroupDiscoveryList, if one is asked for. */
export function negotiateDiscovery(accept: string | undefined): {
  readonly mediaType: MediaType;
  readonly aggregated: 'v2' | 'v2beta1' | undefined;
} {
  for (const clause of parseAccept(accept)) {
    const mediaType = matchMediaType(clause, 'object');
    if (mediaType === undefined) continue;
    const kind = clause.parameters.get('as');
    if (kind === undefined) return { mediaType, aggregated: undefined };
    const version = clause.parameters.get('v');
    if (
      kind === 'APIGroupDiscoveryList' &&
      clause.parameters.get('g') === 'apidiscovery.k8s.io' &&
      (version === 'v2' || version === 'v2beta1')
    ) {
      return { mediaType, aggregated: version };
    }
  }
  throw notAcceptable();
}

/** The answer's `Content-Type` for aggregated discovery. */
export function discoveryContentType(mediaType: MediaType, version: 'v2' | 'v2beta1'): string {
  return `${mediaType};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

/** 406 when a list is asked for in the form of a single object; `type` is upstream's name of the list. */
export function notAcceptableList(type: string): StatusError {
  const why = `you requested PartialObjectMetadata, but the requested object is a list (${type})`;
  return new StatusError(406, 'NotAcceptable', why);
}

/** 406 when an object is asked for in the form of a list. */
export function notAcceptableObject(type: string): StatusError {
  const why = `you requested PartialObjectMetadataList, but the requested object is not a list (${type})`;
  return new StatusError(406, 'NotAcceptable', why);
}

function notAcceptable(): StatusError {
  const types = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const why = `only the following media types are accepted: ${types}`;
  return new StatusError(406, 'NotAcceptable', why);
}

interface Clause {
  /** Lower case, `*` for any. */
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** More clauses than this are no honest request. */
const maxClauses = 64;

/** Best first: by quality, then the more specific, then as written. */
function parseAccept(accept: string | undefined): Clause[] {
  const text = accept === undefined || accept.trim() === '' ? '*/*' : accept;
  return text
    .split(',', maxClauses)
    .map(parseClause)
    .filter((clause) => clause !== undefined)
    .sort((a, b) => b.quality - a.quality || wildcards(a) - wildcards(b));
}

function parseClause(text: string): Clause | undefined {
  const [range = '', ...rest] = text.split(';').map((part) => part.trim());
  const [type = '', subtype] = range.toLowerCase().split('/');
  if (type === '' || subtype === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const at = part.indexOf('=');
    if (at > 0) parameters.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  const quality = Number(parameters.get('q') ?? 1);
  if (Number.isNaN(quality) || quality <= 0) return undefined;
  return { type, subtype, quality, parameters };
}

function wildcards({ type, subtype }: Clause): number {
  return Number(type === '*') + Number(subtype === '*');
}

function matchMediaType({ type, subtype, parameters }: Clause, use: 'object' | 'watch') {
  if (type !== 'application' && type !== '*') return undefined;
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && (use !== 'watch' || stream !== 'watch')) return undefined;
  if (subtype === 'json' || subtype === '*') return 'application/json';
  // YAML cannot be streamed.
  if (subtype === 'yaml' && use === 'object') return 'application/yaml';
  return undefined;
}

function conversionOf(parameters: ReadonlyMap<string, string>): Conversion | 'unknown' | undefined {
  const kind = parameters.get('as');
  const version = parameters.get('v');
  if (kind === undefined || kind === '') return undefined;
  if (parameters.get('g') !== 'meta.k8s.io') return 'unknown';
  if (version !== 'v1' && version !== 'v1beta1') return 'unknown';
  switch (kind) {
    case 'Table':
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return { kind, version };
    default:
      return 'unknown';
  }
}
