/** Tables of metadata and of the options of a request. */
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../apiserver/schema/index.ts';
import { validateOwnerReferences } from '../../apiserver/schema/owner-references.ts';
import { dryRunErrors, writeParameters } from '../../apiserver/verbs/options.ts';
import type { Json } from './json-path.ts';
import { byTest, failed, is, passed, succeeds, type Tables, type Verdict } from './verdict.ts';

export const metaTables: Tables = {
  apimachinery__pkg__api__validation__objectmeta: byTest({
    TestValidateObjectMetaOwnerReferences: owners,
    TestValidateFinalizersUpdate: ({ Old: old, New: next, ExpectedErr: words }) =>
      tells(update(deleting(next), deleting(old)), words, 'update'),
    TestValidateFinalizersPreventConflictingFinalizers: ({
      ObjectMeta: meta,
      ExpectedErr: words,
    }) => tells(validateObjectMeta(without(meta), { namespaced: false }), words, 'finalizers'),
    TestValidateObjectMetaUpdatePreventsDeletionFieldMutation: updateErrors,
    TestObjectMetaGenerationUpdate: updateErrors,
  }),
  apimachinery__pkg__apis__meta__v1__validation__validation: byTest({
    TestValidDryRun: (values) => is(dryRunErrors(values).length, 0, `${values}`),
    TestInvalidDryRun: (values) => is(dryRunErrors(values).length > 0, true, `${values}`),
    TestValidPatchOptions: (row) => is(patchOptions(row), true, row.patchType),
    TestInvalidPatchOptions: (row) => is(patchOptions(row), false, row.patchType),
    TestLabelSelectorMatchExpression: ({ labelSelector, name, wantErrorNumber }) =>
      is(
        succeeds(() => fromLabelSelectorObject(labelSelector)),
        wantErrorNumber === 0,
        name,
      ),
  }),
};

type Errors = readonly { readonly field: string; readonly message: string }[];

function owners({ description, ownerReferences, expectedErrorMessage: words }: Json): Verdict {
  return tells(validateOwnerReferences(ownerReferences, 'ownerReferences'), words, description);
}

/** Some error has the words; none without words. */
function tells(errors: Errors, words: string, what: string): Verdict {
  const told = errors.map(({ message }) => message).join('; ');
  const fits = words === '' ? errors.length === 0 : told.includes(words);
  return fits ? passed : failed(what, `${told}; expected ${words}`);
}

function update(next: Json, old: Json): Errors {
  return validateObjectMetaUpdate(without(next), without(old), { path: 'field' });
}

/** Which fields are refused, and why; values of Go are written in their own way. */
function updateErrors({ Old: old, New: next, ExpectedErrs: errors }: Json, key: Json): Verdict {
  const brief = (text: string) => text.replace(/Invalid value: .*: /, '');
  const got = update(next, old).map(({ field, message }) => brief(`${field}: ${message}`));
  return is(got.sort(), (errors ?? []).map(brief).sort(), String(key));
}

/** A time of deletion that is there but has no value is Go's zero time. */
function deleting(meta: Json): Json {
  return 'deletionTimestamp' in meta
    ? { ...meta, deletionTimestamp: '0001-01-01T00:00:00Z' }
    : meta;
}

/** Null stands for absent. */
function without(meta: Json): Json {
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== null));
}

function patchOptions({ opts, patchType }: Json): boolean {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries<Json>(opts))
    for (const each of [value].flat()) query.append(key, String(each));
  // Only the request is looked at.
  const context = { request: { query, headers: {} } } as unknown as Parameters<
    typeof writeParameters
  >[0];
  return succeeds(() => writeParameters(context, 'PatchOptions', patchType.includes('apply')));
}
