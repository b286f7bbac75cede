/** Tables of what a schema does with an object: pruning, defaults, metadata, validation. */

import { dropNulls } from '../../apiserver/schema/defaults.ts';
import { validateEmbedded } from '../../apiserver/schema/embedded.ts';
import {
  coerceMeta,
  prune,
  setDefaults,
  validate,
  validateStructural,
} from '../../apiserver/schema/index.ts';
import { validateListTypes } from '../../apiserver/schema/list-types.ts';
import { validateValueValidation } from '../../apiserver/schema/structural-nested.ts';
import { validateRules } from '../../apiserver/schema/validate-rules.ts';
import { expectations, pathErrors } from './expected-errors.ts';
import { schemaOf } from './go-schema.ts';
import type { Json } from './json-path.ts';
import {
  byTest,
  failed,
  is,
  leftOut,
  passed,
  plain,
  show,
  type Tables,
  type Verdict,
} from './verdict.ts';

const part = 'one of the errors of another row';
const schemas = 'apiextensions-apiserver__pkg__apiserver__schema';

export const schemaTables: Tables = {
  [`${schemas}__pruning__algorithm`]: byTest({ TestPrune: pruning }),
  [`${schemas}__defaulting__algorithm`]: byTest({ TestDefault: defaulting(setDefaults) }),
  [`${schemas}__defaulting__prunenulls`]: byTest({
    TestPruneNonNullableNullsWithoutDefaults: defaulting(dropNulls),
  }),
  [`${schemas}__objectmeta__algorithm`]: byTest({ TestCoerce: coercion }),
  [`${schemas}__objectmeta__validation`]: byTest({
    TestValidateEmbeddedResource: embedded,
    TestValidate: embeddedBelow,
  }),
  [`${schemas}__listtype__validation`]: byTest({ TestValidateListSetsAndMaps: lists }),
  [`${schemas}__defaulting__validation`]: byTest({
    TestDefaultValidationWithOptionalOldSelf: defaults,
  }),
  [`${schemas}__validation`]: byTest({ TestValidateStructuralCompleteness: completeness }),
  'apiextensions-apiserver__pkg__apiserver__validation__validation': byTest({
    TestValidateCustomResource: objects,
  }),
};

function schemaIn(row: Json): Json {
  return row.schema?.$openapi ?? (row.schema === null ? undefined : schemaOf(row.schema));
}

function pruning(row: Json): Verdict {
  const value = JSON.parse(row.json);
  const dropped = prune(value, schemaIn(row), { isResourceRoot: row.isResourceRoot });
  const wanted = JSON.parse(row.expectedObject);
  const told = is(value, wanted, row.name);
  return told.type === 'failed' ? told : is(dropped, row.expectedPruned ?? [], row.name);
}

function defaulting(run: typeof setDefaults): (row: Json) => Verdict {
  return (row) => {
    const value = JSON.parse(row.json);
    run(value, schemaIn(row));
    return is(value, JSON.parse(row.expected), row.name);
  };
}

function coercion(row: Json): Verdict {
  if (row.json === undefined) return leftOut(part);
  const value = JSON.parse(row.json);
  const { unknown, error } = coerceMeta(value, schemaIn(row), {
    isResourceRoot: row.includeRoot,
    dropInvalidFields: row.dropInvalidFields,
  });
  if (row.expectedError) return is(error !== undefined, true, row.name);
  if (error !== undefined) return failed(row.name, error.message);
  const told = is(value, JSON.parse(row.expected), row.name);
  return told.type === 'failed' ? told : is(unknown, row.expectedUnknownFields ?? [], row.name);
}

function embedded(row: Json): Verdict {
  if (row.name === undefined) return leftOut(part);
  const schema = { 'x-kubernetes-embedded-resource': true };
  return pathErrors(row.name, validateEmbedded(row.object, schema), expectations(row.errors));
}

function embeddedBelow(row: Json): Verdict {
  if (row.name === undefined) return leftOut(part);
  if (row.schema === undefined) return leftOut('the schema stands in the test, not in the row');
  const found = validateEmbedded(JSON.parse(row.object), schemaIn(row));
  return pathErrors(row.name, found, expectations(row.errors));
}

function lists(row: Json): Verdict {
  if (row.name === undefined) return leftOut(part);
  const schema = schemaIn(row);
  const found = schema === undefined ? [] : validateListTypes(row.obj, schema, 'root');
  return pathErrors(row.name, found, expectations(row.errors));
}

/** What is said of the defaults of a schema; without words nothing is. */
function defaults({ name, input, errors }: Json): Verdict {
  if (input === undefined) return leftOut(part);
  const found = validateStructural(schemaOf(input.OpenAPIV3Schema), { path: 'schema' });
  const told = found.filter(({ field }) => field.includes('default')).map((e) => e.message);
  const words: readonly string[] = errors ?? [];
  const fits = words.every((each) => told.some((message) => message.includes(each)));
  return fits && words.length > 0 === told.length > 0
    ? passed
    : failed(name, `${show(told)}; expected ${show(words)}`);
}

function completeness(row: Json): Verdict {
  if (row.name === undefined) return leftOut(part);
  if (Object.values(row.options).some((allowed) => allowed))
    return leftOut('with what a definition does not allow');
  const told = validateValueValidation(schemaIn(row), '');
  const texts = told.map(({ field, message }) => `${field}: ${message}`);
  return is(texts.join('; '), row.error, row.name);
}

/** Objects that fit, and objects with the very words that are said of them. */
function objects(row: Json): readonly Verdict[] {
  const schema = schemaIn(row);
  const check = (object: Json, old: Json, name: string, wanted: readonly string[]) => {
    const options = old === undefined ? {} : { old };
    const errors = [
      ...validate(object, schema, options),
      ...validateRules(object, schema, options).errors,
    ];
    const got = errors.map(({ field, message }) => `${field}: ${message}`);
    // Newer servers show the value where 1.32 named its type.
    const rule = (text: string) => text.replace(/Invalid value: .*: failed rule/, 'failed rule');
    const fits = (words: string) => got.some((text) => rule(text).includes(rule(words)));
    if (wanted.every(fits) && wanted.length > 0 === got.length > 0) return passed;
    return failed(name, `${show(got)}; expected ${show(wanted)}`);
  };
  const named = (object: Json) => `${row.name} ${show(plain(object))}`;
  return [
    ...(row.objects ?? []).map((object: Json, i: number) =>
      check(object, row.oldObjects?.[i], named(object), []),
    ),
    ...(row.failingObjects ?? []).map(({ object, oldObject, expectErrs }: Json) =>
      check(object, oldObject, named(object), expectErrs),
    ),
  ];
}
