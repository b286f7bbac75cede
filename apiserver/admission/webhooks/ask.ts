/** Asks one webhook about one request; what may go wrong with that becomes an error of one of two kinds. */
import type { JsonObject } from '../../../api/meta.ts';
import { badRequest, forbidden, StatusError } from '../../../api/status.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Log } from '../../../lib/log.ts';
import type { Random } from '../../../lib/random.ts';
import { createTracer } from '../../../lib/trace.ts';
import { matchConditions } from '../../cel/index.ts';
import type { Converter } from '../../custom/converter.ts';
import type { ServedKind } from '../../registry/served-kind.ts';
import { WebhookCallError, type WebhookCaller } from '../../webhook/call.ts';
import type { Attributes } from '../plugin.ts';
import type { Hook } from './hook.ts';
import { type MatchDeps, versionFor } from './match.ts';
import { isWhole, type ReviewAnswer, readReview, refusal, reviewRequest } from './review.ts';
import type { Phase, WebhookMetrics } from './webhook-metrics.ts';

export interface AskDeps extends MatchDeps {
  readonly caller: WebhookCaller;
  readonly converter: Converter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: WebhookMetrics;
}

/** A webhook and what it is asked. */
export interface Question {
  readonly hook: Hook;
  readonly phase: Phase;
  /** The version that it wants to see the objects in. */
  readonly version: ServedKind;
  readonly object: JsonObject | undefined;
  readonly request: JsonObject;
}

/** Objects and patches may be as large as requests, and patches come in base64. */
const answerMaxBytes = 16 << 20;

const tracer = createTracer('berth/apiserver');

/** `undefined` when the webhook is not concerned. Throws 403 when that cannot be told, and 404. */
export async function questionFor(
  deps: AskDeps,
  hook: Hook,
  phase: Phase,
  attributes: Attributes,
  object: JsonObject | undefined,
): Promise<Question | undefined> {
  const version = await versionFor(deps, hook, attributes, object);
  if (version === undefined) return undefined;
  const shown = await inVersion(deps, object, attributes, version);
  const old = await inVersion(deps, attributes.old, attributes, version);
  const uid = deps.random.uuid();
  const request = reviewRequest(attributes, version, { object: shown, old }, uid);
  const question = { hook, phase, version, object: shown, request };
  if (hook.conditions.length === 0) return question;
  const matched = matchConditions(hook.conditions, { object: shown, oldObject: old, request });
  if (matched.type === 'all') return question;
  if (matched.type === 'no' || hook.failurePolicy === 'Ignore') return undefined;
  const { served, name } = attributes;
  const why = matched.errors.length === 1 ? matched.errors[0] : `[${matched.errors.join(', ')}]`;
  throw forbidden({ group: served.group, resource: served.plural }, name, String(why));
}

/** The object as `to` shows it, where it is of the kind that has versions. */
export async function inVersion(
  { converter }: AskDeps,
  object: JsonObject | undefined,
  attributes: Attributes,
  to: ServedKind,
): Promise<JsonObject | undefined> {
  const same = object?.['apiVersion'] === apiVersionOf(to);
  if (object === undefined || same || !isWhole(attributes)) return object;
  return (await converter.convert([object], to, attributes.signal))[0];
}

function apiVersionOf({ group, version }: ServedKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * Resolves with the answer of a webhook that allows the request, or with `undefined` when it failed and its
 * policy is to go on. Throws its refusal, or 500 when it failed.
 */
export async function ask(
  deps: AskDeps,
  attributes: Attributes,
  question: Question,
): Promise<ReviewAnswer | undefined> {
  const { hook, phase } = question;
  const sinceMs = deps.clock.now();
  const count = (code: number, refused?: Parameters<WebhookMetrics['called']>[0]['refused']) =>
    deps.metrics.called({
      webhook: hook.name,
      phase,
      operation: attributes.operation,
      durationMs: deps.clock.now() - sinceMs,
      code,
      ...(refused === undefined ? {} : { refused }),
    });
  try {
    const answer = await answerOf(deps, attributes, question);
    if (!answer.allowed) throw refusal(hook.name, answer.status);
    count(200);
    return answer;
  } catch (error) {
    if (error instanceof StatusError) {
      count(error.code, 'no_error');
      throw error;
    }
    if (!(error instanceof WebhookCallError)) throw error;
    const ignored = hook.failurePolicy === 'Ignore';
    count(error.code, ignored ? undefined : 'calling_webhook_error');
    return failed(deps, attributes, question, error);
  }
}

function failed(
  { log, metrics }: AskDeps,
  { signal }: Attributes,
  { hook, phase }: Question,
  error: WebhookCallError,
): undefined {
  if (signal.aborted) throw timedOut();
  const why = `failed calling webhook ${JSON.stringify(hook.name)}: ${error.message}`;
  if (hook.failurePolicy === 'Fail') throw internalError(why, error);
  log.warn({ err: error, webhook: hook.name }, 'admission webhook failed and is ignored');
  metrics.failedOpen(hook.name, phase);
  return undefined;
}

async function answerOf(
  { caller }: AskDeps,
  attributes: Attributes,
  { hook, phase, request }: Question,
): Promise<ReviewAnswer> {
  const { name, configuration, reviewVersion, timeoutMs } = hook;
  if (attributes.dryRun && !hook.dryRun)
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  const review = {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${reviewVersion}`,
    request,
  };
  const fields = { configuration, webhook: name };
  const limits = { timeoutMs, answerMaxBytes, signal: attributes.signal };
  const answered = await tracer
    .inSpan(`Call ${phase === 'admit' ? 'mutating' : 'validating'} webhook`, fields, () =>
      caller.call(hook.target, review, limits),
    )
    .catch((error: unknown) => {
      if (!(error instanceof WebhookCallError)) throw error;
      throw new WebhookCallError(error.code, `failed to call webhook: ${error.message}`, {
        cause: error,
      });
    });
  const uid = String(request['uid']);
  const expected = { uid, version: reviewVersion, mutating: phase === 'admit' };
  const answer = readReview(answered, expected);
  if (typeof answer === 'string')
    throw new WebhookCallError(503, `received invalid webhook response: ${answer}`);
  for (const [key, value] of Object.entries(answer.auditAnnotations))
    attributes.annotate(`${name}/${key}`, value);
  attributes.warnings.push(...answer.warnings);
  return answer;
}

export function internalError(why: string, cause?: unknown): StatusError {
  const details = { causes: [{ message: why }] };
  const message = `Internal error occurred: ${why}`;
  return new StatusError(500, 'InternalError', message, details, { cause });
}

function timedOut(): StatusError {
  const message = 'Timeout: request did not complete within requested timeout';
  return new StatusError(504, 'Timeout', message, { retryAfterSeconds: 0 });
}
