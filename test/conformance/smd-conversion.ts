/** The conversions between versions that structured-merge-diff's own tests work with. */
import type { JsonValue } from '../../api/meta.ts';
import type { Versioned } from '../../apiserver/apply/ownership.ts';
import { isObject, type Json } from './json-path.ts';

/** The value in another version; `undefined` when that version does not exist. */
export type Conversion = (object: Versioned, apiVersion: string) => JsonValue | undefined;

/** By the name that a row gives. */
export function conversionOf(converter: string): Conversion {
  return conversions[converter.split('.').at(-1) ?? ''] ?? (({ value }) => value);
}

const conversions: Readonly<Record<string, Conversion>> = {
  renamingConverter: ({ value, apiVersion }, to) =>
    mapKeys(value, (key) =>
      key.endsWith(`_${apiVersion}`) ? `${key.slice(0, -apiVersion.length)}${to}` : key,
    ),
  // `bbb` of v3 is `bb` in v2.
  repeatingConverter: ({ value }, to) =>
    mapKeys(value, (key) =>
      /^(.)\1*$/.test(key) ? key.charAt(0).repeat(Number(to.slice(1))) : key,
    ),
  reliantFieldsConverter: ({ value }, to) => {
    const [from, into] =
      to === 'v1'
        ? ['required_field_bar', 'field_foo_rely_on_bar']
        : ['field_foo_rely_on_bar', 'required_field_bar'];
    return mapKeys(value, (key) => (key === from ? into : key));
  },
};

function mapKeys(value: Json, rename: (key: string) => string | undefined): Json {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [rename(key) ?? key, mapKeys(item, rename)]),
  );
}
