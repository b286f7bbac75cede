/** Tables of what a CustomResourceDefinition is checked for. */
import { crdStrategy } from '../../apiserver/kinds/crd.ts';
import { applyDefaults, validate, validateStructural } from '../../apiserver/schema/index.ts';
import { builtinKinds } from '../../crds/index.ts';
import { definitionOf, schemaOf } from './go-schema.ts';
import type { Json } from './json-path.ts';
import { failed, guarded, leftOut, passed, show, type Tables, type Verdict } from './verdict.ts';

type Expected = { readonly type: string; readonly field: string; readonly words: string };

export const crdTables: Tables = {
  'apiextensions-apiserver__pkg__apis__apiextensions__validation__validation': ({
    test,
    case: row,
  }: Json) => {
    if (row?.name === undefined) return [leftOut('one of the errors of another row')];
    return guarded(row, () => tests[String(test)]?.(row) ?? leftOut(`${test}: nothing answers it`));
  },
};

const tests: Readonly<Record<string, (row: Json) => Verdict>> = {
  TestValidateCustomResourceDefinition: definition,
  TestSelectableFields: definition,
  TestValidateCustomResourceDefinitionUpdate: definition,
  TestValidateCustomResourceDefinitionValidation: schema,
};

function definition({ name, resource, old, errors }: Json): Verdict {
  const kind = builtinKinds.find(({ names }) => names.kind === 'CustomResourceDefinition');
  const kindSchema = kind?.versions[0]?.schema.openAPIV3Schema;
  if (kindSchema === undefined) throw new Error('no such kind');
  const crd = definitionOf(resource);
  const before = old === undefined ? undefined : definitionOf(old);
  for (const each of [crd, before]) if (each !== undefined) applyDefaults(each, kindSchema);
  const shape = validate(crd, kindSchema);
  const found = shape.length > 0 ? shape : (crdStrategy.validate?.(crd, before) ?? []);
  return compare(name, found, expectations(errors), crd.spec.versions.length);
}

function schema({ name, input, expectedErrors }: Json): Verdict {
  const given = schemaOf(input.OpenAPIV3Schema);
  if (given === undefined) return leftOut('no schema in the row');
  const found = validateStructural(given, { path: 'openAPIV3Schema' });
  const wanted = expectations(expectedErrors).map((each) => ({
    ...each,
    field: each.field.replace(/^spec\.validation\./, ''),
  }));
  return compare(name, found, wanted, 1);
}

function expectations(errors: Json): Expected[] {
  return (errors ?? []).map(({ errorType, path, containsString = '' }: Json) => ({
    type: errorType,
    field: pathOf(path),
    words: containsString,
  }));
}

function pathOf(path: Json): string {
  const { name = '', index = '', parent } = path ?? {};
  const own = name === '' && index !== '' ? `[${index}]` : name;
  return parent === undefined ? own : `${pathOf(parent)}${own.startsWith('[') ? '' : '.'}${own}`;
}

/** Every error is expected, and every expected one is there; how often does not count. */
function compare(
  what: string,
  found: readonly { readonly type: string; readonly field: string; readonly message: string }[],
  wanted: readonly Expected[],
  versions: number,
): Verdict {
  const place = (field: string) => settled(field, versions);
  const fits = (want: Expected, got: (typeof found)[number]) =>
    typeOf(want.type) === typeOf(got.type) &&
    place(want.field) === place(got.field) &&
    got.message.includes(want.words);
  const missing = wanted.filter((want) => !found.some((got) => fits(want, got)));
  const surplus = found.filter((got) => !wanted.some((want) => fits(want, got)));
  if (missing.length === 0 && surplus.length === 0) return passed;
  const brief = surplus.map(({ type, field, message }) => ({ type, field, message }));
  return failed(what, `missing ${show(missing)}; not expected ${show(brief)}`);
}

/** A wrong type is an invalid value upstream. */
function typeOf(type: string): string {
  return type === 'FieldValueTypeInvalid' ? 'FieldValueInvalid' : type;
}

/** What one version says, upstream also names by where it stood before there were several. */
function settled(field: string, versions: number): string {
  if (versions !== 1) return field;
  return field
    .replace('spec.versions[0].schema.', 'spec.validation.')
    .replace(/^spec\.versions\[0\]\.(?!name)/, 'spec.');
}
