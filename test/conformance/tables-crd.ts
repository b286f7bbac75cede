/** Tables of what a CustomResourceDefinition is checked for. */
import { crdStrategy } from '../../apiserver/kinds/crd.ts';
import { applyDefaults, validate, validateStructural } from '../../apiserver/schema/index.ts';
import { builtinKinds } from '../../crds/index.ts';
import { expectations, pathErrors } from './expected-errors.ts';
import { definitionOf, schemaOf } from './go-schema.ts';
import type { Json } from './json-path.ts';
import { guarded, leftOut, type Tables, type Verdict } from './verdict.ts';

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
  return pathErrors(name, found, expectations(errors), settled(crd.spec.versions.length));
}

function schema({ name, input, expectedErrors }: Json): Verdict {
  const given = schemaOf(input.OpenAPIV3Schema);
  if (given === undefined) return leftOut('no schema in the row');
  const found = validateStructural(given, { path: 'openAPIV3Schema' });
  const wanted = expectations(expectedErrors).map((each) => ({
    ...each,
    field: each.field.replace(/^spec\.validation\./, ''),
  }));
  return pathErrors(name, found, wanted);
}

/** What one version says, upstream also names by where it stood before there were several. */
function settled(versions: number): (field: string) => string {
  if (versions !== 1) return (field) => field;
  return (field) =>
    field
      .replace('spec.versions[0].schema.', 'spec.validation.')
      .replace(/^spec\.versions\[0\]\.(?!name)/, 'spec.');
}
