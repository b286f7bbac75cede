/** Records requests as audit.k8s.io/v1 Events. Source: Kubernetes "Auditing". */
import { asObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { ApiRequest, ApiResponse, UserInfo } from '../request/request.ts';
import { type RequestInfo, requestInfo } from '../request/request-info.ts';
import type { AuditSink } from './log-file.ts';
import { type AuditDecision, type AuditPolicy, type AuditStage, decide } from './policy.ts';

export interface AuditOptions {
  readonly policy: AuditPolicy;
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Takes what is found out on the way of a request. */
export interface AuditNotes {
  /** Later stages say whom the user acts as. */
  onImpersonation(impersonated: UserInfo): void;
  /** The first value of a key stays. */
  annotate(key: string, value: string): void;
}

/** Around the whole handling of one request. */
export type Audit = (
  request: ApiRequest,
  user: UserInfo,
  answer: (notes: AuditNotes) => Promise<ApiResponse>,
) => Promise<ApiResponse>;

/** Bodies beyond this are not recorded. */
const bodyBytesMax = 1_048_576;

export const noNotes: AuditNotes = { onImpersonation: () => undefined, annotate: () => undefined };

export const noAudit: Audit = (_request, _user, answer) => answer(noNotes);

export function createAudit(options: AuditOptions): Audit {
  return async (request, user, answer) => {
    const info = requestInfo(request.method, request.path, request.query);
    const decision = decide(options.policy, { ...info, user });
    if (decision.level === 'None') return answer(noNotes);
    const trail = new Trail(options, decision, request, user, info);
    trail.record('RequestReceived');
    const response = await answer(trail).catch((error: unknown) => {
      const code = error instanceof StatusError ? error.code : 500;
      trail.record('ResponseComplete', statusOnly(code));
      throw error;
    });
    if (response.body instanceof Uint8Array) {
      await trail.complete(response, response.body);
      return response;
    }
    trail.record('ResponseStarted', statusOnly(response.status));
    return { ...response, body: trail.following(response) };
  };
}

class Trail implements AuditNotes {
  readonly #options: AuditOptions;
  readonly #decision: AuditDecision;
  readonly #request: ApiRequest;
  readonly #event: JsonObject;
  readonly #annotations: Record<string, string> = {};

  constructor(
    options: AuditOptions,
    decision: AuditDecision,
    request: ApiRequest,
    user: UserInfo,
    info: RequestInfo,
  ) {
    this.#options = options;
    this.#decision = decision;
    this.#request = request;
    const query = String(request.query);
    this.#event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: decision.level,
      auditID: options.random.uuid(),
      requestURI: query === '' ? request.path : `${request.path}?${query}`,
      verb: info.verb,
      user: userOf(user),
      ...(request.source === undefined ? {} : { sourceIPs: [request.source] }),
      ...agentOf(request),
      ...(info.isResource ? { objectRef: referenceOf(info) } : {}),
      requestReceivedTimestamp: this.#now(),
    };
  }

  onImpersonation(user: UserInfo): void {
    this.#event['impersonatedUser'] = userOf(user);
  }

  annotate(key: string, value: string): void {
    this.#annotations[key] ??= value;
  }

  record(stage: AuditStage, more: JsonObject = {}): void {
    if (this.#decision.omitStages.has(stage)) return;
    const event = { ...this.#event, stage, ...more, stageTimestamp: this.#now() };
    const annotations = { ...asObject(more['annotations']), ...this.#annotations };
    if (Object.keys(annotations).length > 0) Object.assign(event, { annotations });
    try {
      this.#options.sink.write(JSON.stringify(event));
    } catch (error) {
      // A full disk must not keep the plane from working; but somebody must hear of it.
      this.#options.log.error({ err: error }, 'audit event not written');
    }
  }

  async complete(response: ApiResponse, body: Uint8Array): Promise<void> {
    const { level } = this.#decision;
    const answer = jsonOf(body);
    const objects: JsonObject = {};
    if (level !== 'Metadata') {
      const sent = await this.#request.body().then(jsonOf, () => undefined);
      if (sent !== undefined) objects['requestObject'] = this.#recorded(sent);
    }
    if (level === 'RequestResponse' && answer !== undefined)
      objects['responseObject'] = this.#recorded(answer);
    const told = response.status >= 400 && isObject(answer) && !this.#decision.secretive;
    const said = told ? pick(answer, ['status', 'message', 'reason', 'details']) : {};
    const { responseStatus, annotations } = statusOnly(response.status);
    this.record('ResponseComplete', {
      responseStatus: { ...said, ...responseStatus },
      annotations,
      ...objects,
    });
  }

  /** A stream is complete when its reader or its writer ends it. */
  async *following(response: ApiResponse): AsyncGenerator<Uint8Array> {
    try {
      // Only streams come here.
      yield* response.body as AsyncIterable<Uint8Array>;
    } finally {
      this.record('ResponseComplete', statusOnly(response.status));
    }
  }

  #recorded(value: JsonValue): JsonValue {
    if (!this.#decision.omitManagedFields || !isObject(value)) return value;
    const { metadata } = value;
    if (!isObject(metadata)) return value;
    const { managedFields: _omitted, ...rest } = metadata;
    return { ...value, metadata: rest };
  }

  /** Micro-time, as upstream's. */
  #now(): string {
    return new Date(this.#options.clock.now()).toISOString().replace('Z', '000Z');
  }
}

function userOf({ name, uid, groups, extra }: UserInfo): JsonObject {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined ? {} : { extra }),
  };
}

function statusOnly(code: number): { responseStatus: JsonObject; annotations: JsonObject } {
  const decision = code === 403 || code === 401 ? 'forbid' : 'allow';
  return {
    responseStatus: { metadata: {}, code },
    annotations: { 'authorization.k8s.io/decision': decision },
  };
}

function referenceOf(info: RequestInfo): JsonObject {
  const { resource, namespace, name, group, version, subresource } = info;
  const fields = { resource, namespace, name, apiGroup: group, apiVersion: version, subresource };
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== ''));
}

function agentOf({ headers }: ApiRequest): JsonObject {
  const userAgent = headers['user-agent'];
  return userAgent === undefined ? {} : { userAgent };
}

function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  if (bytes.length === 0 || bytes.length > bodyBytesMax) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue; // JSON.parse makes nothing else.
  } catch {
    return undefined; // Protobuf, YAML, text: not recorded.
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])),
  );
}
