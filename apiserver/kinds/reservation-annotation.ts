/** `berth.dev/ip-reservation` of pods and pod templates: a name that cannot be would wait for ever. */
import { asString, at, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateDns1123Subdomain } from '../../api/names.ts';
import { reservationAnnotation } from '../../api/reservation-refs.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue } from '../schema/field-error.ts';

/** `path` is where the metadata stand: `metadata`, `spec.template.metadata`. */
export function reservationErrors(
  metadata: JsonObject | undefined,
  spec: JsonObject,
  path: string,
): FieldError[] {
  const name = at(metadata, 'annotations', reservationAnnotation);
  if (name === undefined) return [];
  const field = `${path}.annotations[${reservationAnnotation}]`;
  const wrong = validateDns1123Subdomain(asString(name));
  if (wrong.length > 0) return wrong.map((why) => invalidValue(field, name, why));
  if (spec['hostNetwork'] !== true) return [];
  const why = 'a pod with hostNetwork has the addresses of its node: leave one of the two out';
  return [forbiddenField(field, why)];
}

/** The address of a pod is up before its first process, and stays. */
export function changedReservationErrors(pod: JsonObject, old: JsonObject): FieldError[] {
  const of = (object: JsonObject) => at(object, 'metadata', 'annotations', reservationAnnotation);
  if (equal(of(pod), of(old))) return [];
  const why = 'may not be changed on a pod: make it anew with the other reservation';
  return [forbiddenField(`metadata.annotations[${reservationAnnotation}]`, why)];
}
