/**
 * The messages of Kubernetes that are plain values in JSON.
 * Source: k8s.io/apimachinery (1.32), generated.proto of meta/v1, resource, intstr and runtime.
 */
import type { JsonValue } from '../../api/meta.ts';
import { type ProtobufReader, WireFormatError } from '../../lib/protobuf-reader.ts';
import { parseJson } from './json.ts';

const minSeconds = -62_135_596_800n;
const maxSeconds = 253_402_300_799n;

/** {seconds = 1, nanos = 2} as RFC 3339; nothing at all is the zero time, which is not set. */
export function readTime(reader: ProtobufReader, digits: 0 | 6): string | undefined {
  if (reader.done) return undefined;
  let seconds = 0n;
  let nanos = 0n;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 0 && field === 1) seconds = reader.int();
    else if (wireType === 0 && field === 2) nanos = BigInt.asIntN(32, reader.int());
    else reader.skip(wireType);
  }
  if (seconds < minSeconds || seconds > maxSeconds || nanos < 0n || nanos > 999_999_999n) {
    throw new WireFormatError('time out of range');
  }
  if (seconds === minSeconds && nanos === 0n) return undefined;
  const day = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = digits === 0 ? '' : `.${String(nanos / 1000n).padStart(6, '0')}`;
  return `${day}${fraction}Z`;
}

/** {string = 1}. */
export function readQuantity(reader: ProtobufReader): string {
  let text = '';
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) text = reader.text();
    else reader.skip(wireType);
  }
  return text;
}

/** {type = 1: 0 number or 1 text, intVal = 2, strVal = 3}. */
export function readIntOrString(reader: ProtobufReader): number | string {
  let type = 0n;
  let number = 0n;
  let text = '';
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 0 && field === 1) type = reader.int();
    else if (wireType === 0 && field === 2) number = reader.int();
    else if (wireType === 2 && field === 3) text = reader.text();
    else reader.skip(wireType);
  }
  return type === 0n ? Number(BigInt.asIntN(32, number)) : text;
}

/** {raw = 1}: JSON as it stands. */
export function readRaw(reader: ProtobufReader): JsonValue | undefined {
  let raw: Uint8Array | undefined;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) raw = reader.bytes();
    else reader.skip(wireType);
  }
  if (raw === undefined || raw.length === 0) return undefined;
  try {
    return parseJson(raw).value;
  } catch (error) {
    const why = error instanceof Error ? error.message : 'not JSON';
    throw new WireFormatError(why, { cause: error });
  }
}
