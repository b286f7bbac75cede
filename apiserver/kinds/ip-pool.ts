/** IPPool, IPReservation, IPAddress: addresses that can be read, and what may not change. */
import { block, claimName, overlap, prefixLengthMin } from '../../api/ip-pool.ts';
import { asArray, asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { type Cidr, formatIpv4, parseCidr, parseIpv4 } from '../../lib/ipv4.ts';
import { invalidValue } from '../schema/field-error.ts';
import { customStrategy, type Strategy } from './strategy.ts';

export const ipPoolStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  // Names of addresses are made of it and of one dot.
  nameRule: 'label',
  validate(pool, old) {
    const spec = asObject(pool['spec']) ?? {};
    return [...poolErrors(spec), ...fixed(pool, old, ['cidr', 'bridge'], 'pool')];
  },
};

export const ipReservationStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  validate(reservation, old) {
    const address = at(reservation, 'spec', 'address');
    return [
      ...(address === undefined ? [] : addressErrors('spec.address', address)),
      ...fixed(reservation, old, ['pool', 'address'], 'reservation'),
    ];
  },
};

export const ipAddressStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  validate(claim, old) {
    const { pool, address } = asObject(claim['spec']) ?? {};
    const errors = addressErrors('spec.address', address);
    if (errors.length > 0) return errors;
    const name = claimName(asString(pool), parseIpv4(asString(address)) ?? 0);
    const given = asString(at(claim, 'metadata', 'name'));
    if (given !== name) {
      const why = `must be ${name}: the name is what makes an address be taken once`;
      return [invalidValue('metadata.name', given, why)];
    }
    if (old === undefined || equal(claim['spec'], old['spec'])) return [];
    return [invalidValue('spec', claim['spec'], 'field is immutable')];
  },
};

const noIpv6 = 'IPv6 is not supported yet: give an IPv4 address';

function poolErrors(spec: JsonObject): FieldError[] {
  const cidr = asString(spec['cidr']);
  const read = parseCidr(cidr);
  if (read === undefined) {
    const why = cidr.includes(':')
      ? 'IPv6 is not supported yet: give an IPv4 segment, like 10.20.0.0/24'
      : 'must be an IPv4 segment, like 10.20.0.0/24';
    return [invalidValue('spec.cidr', cidr, why)];
  }
  const canonical = `${formatIpv4(read.first)}/${read.prefixLength}`;
  if (cidr !== canonical)
    return [invalidValue('spec.cidr', cidr, `has host bits set: say ${canonical}`)];
  if (read.prefixLength < prefixLengthMin)
    return [invalidValue('spec.cidr', cidr, `must be /${prefixLengthMin} or smaller`)];
  const { gateway, dns, exclude, ranges } = spec;
  return [
    ...asArray(ranges).flatMap((range, index) => rangeErrors(range, index, read, cidr)),
    ...asArray(exclude).flatMap((text, index) => excludeErrors(text, index, read, cidr)),
    ...(gateway === undefined ? [] : withinErrors('spec.gateway', gateway, read, cidr)),
    ...asArray(dns).flatMap((server, index) => addressErrors(`spec.dns[${index}]`, server)),
  ];
}

function rangeErrors(
  value: JsonValue | undefined,
  index: number,
  cidr: Cidr,
  text: string,
): FieldError[] {
  const { first, last } = asObject(value) ?? {};
  const field = `spec.ranges[${index}]`;
  const errors = [
    ...withinErrors(`${field}.first`, first, cidr, text),
    ...withinErrors(`${field}.last`, last, cidr, text),
  ];
  if (errors.length > 0) return errors;
  if ((parseIpv4(asString(first)) ?? 0) <= (parseIpv4(asString(last)) ?? 0)) return [];
  return [invalidValue(`${field}.last`, last, `must not be before first, ${asString(first)}`)];
}

function excludeErrors(
  value: JsonValue | undefined,
  index: number,
  cidr: Cidr,
  text: string,
): FieldError[] {
  const field = `spec.exclude[${index}]`;
  const range = block(asString(value));
  if (range === undefined) {
    const why = asString(value).includes(':')
      ? noIpv6
      : 'must be an address, like 10.20.0.7, or a block of them, like 10.20.0.8/29';
    return [invalidValue(field, value, why)];
  }
  if (overlap(range, cidr) !== undefined) return [];
  return [invalidValue(field, value, `is not within ${text}`)];
}

function withinErrors(
  field: string,
  value: JsonValue | undefined,
  cidr: Cidr,
  text: string,
): FieldError[] {
  const errors = addressErrors(field, value);
  if (errors.length > 0) return errors;
  const address = parseIpv4(asString(value)) ?? 0;
  if (address >= cidr.first && address <= cidr.last) return [];
  return [invalidValue(field, value, `is not within ${text}`)];
}

function addressErrors(field: string, value: JsonValue | undefined): FieldError[] {
  const text = asString(value);
  if (parseIpv4(text) !== undefined) return [];
  return [invalidValue(field, value, text.includes(':') ? noIpv6 : 'must be an IPv4 address')];
}

function fixed(
  object: JsonObject,
  old: JsonObject | undefined,
  fields: readonly string[],
  what: string,
): FieldError[] {
  if (old === undefined) return [];
  return fields.flatMap((field) => {
    const value = at(object, 'spec', field);
    if (equal(value, at(old, 'spec', field))) return [];
    return [invalidValue(`spec.${field}`, value, `field is immutable: make another ${what}`)];
  });
}
