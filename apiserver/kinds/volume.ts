/** Volume: what ties its fields together and no schema can say, and the guard against deleting one in use. */
import { asArray, asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import type { FieldError } from '../../api/status.ts';
import { protectionFinalizer } from '../../api/volume.ts';
import { forbiddenField, invalidValue, required } from '../schema/field-error.ts';
import { metadataOf } from '../storage/cached.ts';
import { customStrategy, type Strategy } from './strategy.ts';

export const volumeStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  /** From its first moment on: whoever deletes it while it is used waits. */
  prepareForCreate(volume) {
    volume['status'] = { phase: 'Pending' };
    const metadata = metadataOf(volume);
    const finalizers = asArray(metadata['finalizers']);
    if (finalizers.includes(protectionFinalizer)) return;
    metadata['finalizers'] = [...finalizers, protectionFinalizer];
  },
  validate(volume, old) {
    const spec = asObject(volume['spec']) ?? {};
    const before = old === undefined ? undefined : (asObject(old['spec']) ?? {});
    return [
      ...volumeSpecErrors(spec, 'spec'),
      ...(before === undefined ? ownSourceErrors(volume) : []),
      ...(before === undefined ? [] : volumeChangeErrors(spec, before, 'spec')),
      ...(before === undefined ? [] : bindingErrors(spec, before)),
    ];
  },
};

/** Errors of a spec by itself, also of one in a template. */
export function volumeSpecErrors(spec: JsonObject, path: string): FieldError[] {
  return [
    ...positive(spec['size'], `${path}.size`),
    ...rateErrors(spec, path),
    ...sourceErrors(spec['source'], `${path}.source`),
  ];
}

const fixed = ['class', 'volumeMode', 'fsType', 'exclusive', 'source'] as const;

/** What may not change, and which way a size goes. */
export function volumeChangeErrors(
  spec: JsonObject,
  before: JsonObject,
  path: string,
): FieldError[] {
  const why = 'field is immutable: make another Volume';
  const errors = fixed
    .filter((field) => !equal(spec[field] ?? null, before[field] ?? null))
    .map((field) => invalidValue(`${path}.${field}`, spec[field], why));
  const [size, old] = [spec['size'], before['size']];
  if (isAmount(size) && isAmount(old) && parseBytes(size) < parseBytes(old)) {
    const remedy = `a Volume never shrinks: ask for at least ${old}, or make a smaller one`;
    errors.push(forbiddenField(`${path}.size`, remedy));
  }
  return errors;
}

/** What is no quantity is the schema's to tell. */
function isAmount(value: JsonValue | undefined): value is string | number {
  return (typeof value === 'string' || typeof value === 'number') && isQuantity(value);
}

function positive(value: JsonValue | undefined, field: string): FieldError[] {
  if (!isAmount(value) || parseBytes(value) > 0n) return [];
  return [invalidValue(field, value, 'must be greater than zero')];
}

function rateErrors(spec: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['requests', 'limits']) {
    for (const rate of ['readBPS', 'writeBPS'])
      errors.push(...positive(at(spec, list, rate), `${path}.${list}.${rate}`));
  }
  for (const [rate, limit] of Object.entries(asObject(spec['limits']) ?? {})) {
    const request = at(spec, 'requests', rate);
    if (!isAmount(limit) || !isAmount(request) || parseBytes(request) <= parseBytes(limit))
      continue;
    const why = `must be less than or equal to ${path}.limits.${rate}, which is ${limit}`;
    errors.push(invalidValue(`${path}.requests.${rate}`, request, why));
  }
  return errors;
}

function sourceErrors(value: JsonValue | undefined, field: string): FieldError[] {
  const source = asObject(value);
  if (source === undefined) return [];
  const [first, ...more] = Object.keys(source);
  if (first === undefined)
    return [required(field, 'name a volume, a snapshot or what was retained, or leave it out')];
  const why = `may not be given beside ${first}: a Volume is made from one thing`;
  return more.map((name) => forbiddenField(`${field}.${name}`, why));
}

/** It would wait for itself. */
function ownSourceErrors(volume: JsonObject): FieldError[] {
  const source = at(volume, 'spec', 'source', 'volume');
  if (source === undefined || source !== at(volume, 'metadata', 'name')) return [];
  return [invalidValue('spec.source.volume', source, 'is this Volume itself: name another one')];
}

function bindingErrors(spec: JsonObject, before: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const node = asString(before['nodeName']);
  if (node !== '' && spec['nodeName'] !== node)
    errors.push(forbiddenField('spec.nodeName', `the Volume lies on node ${node} and stays there`));
  const held = before['allocation'];
  if (held !== undefined && !equal(spec['allocation'], held))
    errors.push(forbiddenField('spec.allocation', 'the Volume stays on the disk it lies on'));
  return errors;
}
