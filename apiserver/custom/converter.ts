/**
 * Brings custom objects from one version of their kind into another: by name only, or by asking a webhook.
 * Source: Kubernetes apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go.
 */
import { asArray, asObject, asString, copyOf, equal } from '../../api/json.ts';
import { formatApiVersion, type JsonObject, type JsonValue } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Random } from '../../lib/random.ts';
import { createTracer } from '../../lib/trace.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { prune } from '../schema/index.ts';
import { metadataOf } from '../storage/cached.ts';
import { WebhookCallError, type WebhookCaller } from '../webhook/call.ts';
import { restoredMeta } from './converted-meta.ts';

const timeoutMs = 30_000;
/** Objects in one review; a longer list is asked about in parts. */
const maxObjects = 1_000;
const answerMaxBytes = 128 << 20;

const tracer = createTracer('berth/apiserver');

export class Converter {
  readonly #caller: WebhookCaller;
  readonly #random: Random;

  constructor(caller: WebhookCaller, random: Random) {
    this.#caller = caller;
    this.#random = random;
  }

  /** Copies in the version of `to`, in the same order. Throws 500 where a webhook does not deliver. */
  async convert(
    objects: readonly JsonObject[],
    to: ServedKind,
    signal: AbortSignal,
  ): Promise<readonly JsonObject[]> {
    const converted: JsonObject[] = [];
    for (let start = 0; start < objects.length; start += maxObjects) {
      const part = objects.slice(start, start + maxObjects);
      if (to.conversion === undefined) converted.push(...part.map((each) => renamed(each, to)));
      else converted.push(...(await this.#ask(part, to, signal)));
    }
    for (const each of converted) prune(each, to.schema);
    return converted;
  }

  async #ask(
    objects: readonly JsonObject[],
    to: ServedKind,
    signal: AbortSignal,
  ): Promise<readonly JsonObject[]> {
    const { conversion, group, version, plural } = to;
    if (conversion === undefined) return objects;
    const { reviewVersion } = conversion;
    const desired = formatApiVersion(group, version);
    const uid = this.#random.uuid();
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${reviewVersion}`,
      request: { uid, desiredAPIVersion: desired, objects: objects.map(withoutRevision) },
    };
    const limits = { timeoutMs, answerMaxBytes, signal };
    const fields = { kind: `${plural}.${group}`, desired, objects: objects.length };
    const failed = (why: string) => conversionError(objects[0] ?? {}, to, why);
    try {
      const answer = await tracer.inSpan('Call conversion webhook', fields, () =>
        this.#caller.call(conversion.target, review, limits),
      );
      const found = readAnswer(answer, uid, reviewVersion);
      if (found.length !== objects.length)
        throw failed(`returned ${found.length} objects, expected ${objects.length}`);
      return objects.map((original, index) => checked(original, found[index], to, index));
    } catch (error) {
      if (error instanceof WebhookCallError || error instanceof ConversionFailed)
        throw failed(`failed: ${error.message}`);
      throw error;
    }
  }
}

/** Only `apiVersion` changes; what the other version does not have is pruned afterwards. */
function renamed(object: JsonObject, to: ServedKind): JsonObject {
  const copy = copyOf(object);
  copy['apiVersion'] = formatApiVersion(to.group, to.version);
  return copy;
}

/** The version of what is stored is not the webhook's business; it comes back with the metadata. */
function withoutRevision(object: JsonObject): JsonObject {
  const { resourceVersion: _revision, ...metadata } = metadataOf(object);
  return { ...object, metadata };
}

/** The webhook says that it cannot, or what it says is no answer. */
class ConversionFailed extends Error {}

function readAnswer(answer: JsonObject, uid: string, version: string): readonly JsonValue[] {
  const { apiVersion = '', kind = '' } = answer;
  const wanted = 'apiextensions.k8s.io/v1';
  if (version === 'v1' && (apiVersion !== wanted || kind !== 'ConversionReview'))
    throw new ConversionFailed(
      `expected webhook response of ${wanted}, Kind=ConversionReview, got ${apiVersion}, Kind=${kind}`,
    );
  const response = asObject(answer['response']);
  if (response === undefined) throw new ConversionFailed('no response provided');
  if (version === 'v1' && response['uid'] !== uid)
    throw new ConversionFailed(
      `expected response.uid="${uid}", got ${JSON.stringify(response['uid'] ?? '')}`,
    );
  const result = asObject(response['result']);
  if (result?.['status'] === 'Success') return asArray(response['convertedObjects']);
  const message = asString(result?.['message']);
  if (message !== '') throw new ConversionFailed(message);
  const status = asString(result?.['status']);
  throw new ConversionFailed(`response.result.status was '${status}', not 'Success'`);
}

/** The converted object with the metadata that no webhook may change. */
function checked(
  original: JsonObject,
  value: JsonValue | undefined,
  to: ServedKind,
  index: number,
): JsonObject {
  const wrong = (why: string) =>
    conversionError(original, to, `returned invalid converted object at index ${index}: ${why}`);
  const converted = asObject(value);
  if (converted === undefined) throw wrong('it is no object');
  const wanted = formatApiVersion(to.group, to.version);
  const { apiVersion = '', kind = '' } = converted;
  if (apiVersion !== wanted)
    throw wrong(`invalid groupVersion (expected ${wanted}, received ${apiVersion})`);
  if (kind !== to.kind) throw wrong(`invalid kind (expected ${to.kind}, received ${kind})`);
  const [before, after] = [metadataOf(original), metadataOf(converted)];
  for (const [field, word] of sameFields)
    if (!equal(before[field] ?? '', after[field] ?? ''))
      throw wrong(`must have the same ${word}: ${before[field] ?? ''} != ${after[field] ?? ''}`);
  const metadata = restoredMeta(original, converted);
  if (typeof metadata === 'string')
    throw conversionError(
      original,
      to,
      `returned invalid metadata in object at index ${index}: ${metadata}`,
    );
  return { ...converted, metadata };
}

const sameFields = [
  ['name', 'name'],
  ['namespace', 'namespace'],
  ['uid', 'UID'],
] as const;

/** 500 without a reason, as upstream answers it. */
function conversionError(object: JsonObject, to: ServedKind, why: string): StatusError {
  const from = `${asString(object['apiVersion'])}, Kind=${to.kind}`;
  return new StatusError(500, '', `conversion webhook for ${from} ${why}`);
}
