/** Tables of what a CustomResourceDefinition is checked for. */
import { crdStrategy } from '../../apiserver/kinds/crd.ts';
import { applyDefaults, validate, validateStructural } from '../../apiserver/schema/index.ts';
import { validateRuleTexts } from '../../apiserver/schema/structural-rules.ts';
import { builtinKinds } from '../../crds/index.ts';
import { expectations, pathErrors } from './expected-errors.ts';
import { definitionOf, schemaOf } from './go-schema.ts';
import type { Json } from './json-path.ts';
import { guarded, is, leftOut, show, type Tables, type Verdict } from './verdict.ts';

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
  TestValidateFieldPath: fieldPath,
};

function definition({ name, resource, old, errors }: Json): Verdict {
  const kind = builtinKinds.find(({ names }) => names.kind === 'CustomResourceDefinition');
  const kindSchema = kind?.versions[0]?.schema.openAPIV3Schema;
  if (kindSchema === undefined) throw new Error('no such kind');
  const crd = definitionOf(resource);
  const before = old === undefined ? undefined : definitionOf(old);
  for (const each of [crd, before]) if (each !== undefined) applyDefaults(each, kindSchema);
  const { conversion } = crd.spec;
  if (conversion?.strategy === 'Webhook' && !conversion.webhook?.conversionReviewVersions)
    return leftOut('a webhook without versions of its review was refused by a real server');
  if (conversion?.strategy === 'Webhook' && resource.Spec?.PreserveUnknownFields !== false)
    return leftOut('preserveUnknownFields is always false here');
  if (resource.Spec?.PreserveUnknownFields === true)
    return leftOut('preserveUnknownFields can only be set in versions of the API long gone');
  const check = (object: Json, old?: Json) => [
    ...validate(object, kindSchema),
    ...(crdStrategy.validate?.(object, old) ?? []),
  ];
  if (before !== undefined && check(before).length > 0)
    return leftOut('the old definition could not have been stored here');
  // Only the server writes the status.
  const asked = ({ field }: { readonly field: string }) =>
    before !== undefined || !field.startsWith('status.');
  return pathErrors(
    name,
    check(crd, before).filter(asked),
    expectations(errors).filter(asked),
    settled(crd.spec.versions),
  );
}

function schema({ name, input, expectedErrors, opts, statusEnabled }: Json): Verdict {
  const given = schemaOf(input.OpenAPIV3Schema);
  if (given === undefined) return leftOut('no schema in the row');
  const found = validateStructural(given, { path: 'openAPIV3Schema', hasStatus: statusEnabled });
  // Some rows ask less of a schema than any definition of today is asked.
  const strict = opts.requireStructuralSchema && opts.requireValidPropertyType;
  const wanted = expectations(expectedErrors).map((each) => ({
    ...each,
    field: each.field.replace(/^spec\.validation\./, ''),
  }));
  const told = wanted.filter(
    ({ type, field }) => !found.some((got) => got.field === field && got.type === type),
  );
  return strict ? pathErrors(name, found, wanted) : pathErrors(name, [], told);
}

/** Whether a rule may name this place of the schema that it stands in. */
function fieldPath({ name, fieldPath: path, schema: go, errMsg }: Json): Verdict {
  const rules = [{ rule: 'true', fieldPath: path }];
  const given = { ...schemaOf(go), 'x-kubernetes-validations': rules };
  const found = validateRuleTexts(given, '').filter(({ field }) => field.endsWith('.fieldPath'));
  return is(found.length === 0, errMsg === '', name);
}

/** What all versions say alike, upstream also names by where it stood before there were versions. */
function settled(versions: readonly Json[]): (field: string) => string {
  const alike = (name: string) =>
    versions.every((version) => show(version[name] ?? null) === show(versions[0]?.[name] ?? null));
  const shared = versions.length === 1 ? '(?!name)' : alike('selectableFields') ? 'sel' : '(?!.)';
  return (field) => {
    const place = field.replace(new RegExp(`^spec\\.versions\\[\\d+\\]\\.(?=${shared})`), 'spec.');
    return place.replace(/^spec\.schema\./, 'spec.validation.');
  };
}
