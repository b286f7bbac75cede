/** Tables of the small pure functions: requests, patches, pruning, validation. */
import { applyMergePatch } from '../../apiserver/patch/index.ts';
import { applyOperations, readOperations } from '../../apiserver/patch/json-patch.ts';
import { applyDefaults, prune, validate } from '../../apiserver/schema/index.ts';
import type { Json } from './json-path.ts';
import { byTest, is, passed, show, succeeds, type Tables, type Verdict } from './verdict.ts';

export const pureTables: Tables = {
  apimachinery__pkg__util__jsonmergepatch__patch: byTest({
    TestCreateThreeWayJSONMergePatch: mergePatch,
  }),
  'apiextensions-apiserver__pkg__apiserver__schema__pruning__algorithm': byTest({
    TestPrune: pruning,
  }),
  'apiextensions-apiserver__pkg__apiserver__schema__defaulting__algorithm': byTest({
    TestDefault: defaulting,
  }),
  'apiextensions-apiserver__pkg__apiserver__validation__validation': byTest({
    TestValidateCustomResource: validation,
  }),
  tests: jsonPatch,
  spec_tests: jsonPatch,
};

function mergePatch({ Description: what, JSONMergePatchTestCaseData: data }: Json): Verdict {
  const { Current: current, ThreeWay: patch, Result: result } = data ?? {};
  if (current === undefined || patch === undefined || result === undefined)
    return { type: 'left out', why: 'no patch in the row' };
  return is(applyMergePatch(current, patch), result, what);
}

function pruning(row: Json): Verdict {
  const schema = row.schema?.$openapi;
  if (schema === undefined || row.isResourceRoot !== false)
    return { type: 'left out', why: 'whole objects are pruned with their metadata' };
  const value = JSON.parse(row.json);
  if (value === null || Array.isArray(value))
    return { type: 'left out', why: 'only objects are pruned' };
  prune(value, schema);
  return is(value, JSON.parse(row.expectedObject), row.name);
}

function defaulting(row: Json): Verdict {
  const schema = row.schema?.$openapi;
  if (schema === undefined) return { type: 'left out', why: 'no schema in the row' };
  const value = JSON.parse(row.json);
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return { type: 'left out', why: 'only objects are defaulted' };
  applyDefaults(value, schema);
  return is(value, JSON.parse(row.expected), row.name);
}

function validation(row: Json): Verdict {
  const schema = row.schemaForTest ?? row.schema?.$openapi;
  if (schema === undefined || schema.Properties !== undefined || schema.type === undefined)
    return { type: 'left out', why: "the schema stands in Go's structures" };
  for (const object of row.objects ?? []) {
    const errors = validate(object, schema);
    if (errors.length > 0) return { type: 'failed', what: row.name, why: errors[0]?.message ?? '' };
  }
  return passed;
}

function jsonPatch(row: Json): readonly Verdict[] {
  const { comment = '', doc, patch, expected, error, disabled } = row;
  if (disabled === true) return [{ type: 'left out', why: 'disabled in the suite itself' }];
  if (/\/-1(\/|$)/.test(show(patch?.[0]?.path ?? '').slice(1, -1)))
    return [{ type: 'left out', why: 'negative indexes count from the end, as upstream' }];
  if (patch === undefined || doc === undefined)
    return [{ type: 'left out', why: 'no patch in the row' }];
  const run = () => applyOperations(structuredClone(doc), readOperations(patch));
  if (error !== undefined) return [is(succeeds(run), false, `${comment} ${error}`)];
  try {
    const got = run();
    return [expected === undefined ? passed : is(got, expected, comment)];
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return [{ type: 'failed', what: comment || show(patch), why }];
  }
}
