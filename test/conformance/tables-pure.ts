/** Tables of the small pure functions: selectors, quantities, durations, patches, pruning, validation. */
import { humanDuration } from '../../api/duration.ts';
import { escapeFieldValue, parseFieldSelector } from '../../api/field-selector.ts';
import { parseLabelSelector } from '../../api/label-selector.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { applyMergePatch } from '../../apiserver/patch/index.ts';
import { applyOperations, readOperations } from '../../apiserver/patch/json-patch.ts';
import { accessInfo, requestInfo } from '../../apiserver/request/request-info.ts';
import { applyDefaults, prune, validate } from '../../apiserver/schema/index.ts';
import type { Json } from './json-path.ts';
import { byTest, is, passed, show, succeeds, type Tables, type Verdict } from './verdict.ts';

export const pureTables: Tables = {
  apimachinery__pkg__labels__selector: byTest({
    TestRequirementSelectorMatching: labelMatch,
    TestToString: labelParse,
    TestSetSelectorParser: labelParse,
  }),
  apimachinery__pkg__fields__selector: byTest({
    TestEscapeValue: (escaped, key) => is(escapeFieldValue(String(key)), escaped, String(key)),
    TestRequiresExactMatch: fieldExactMatch,
  }),
  apiserver__pkg__endpoints__request__requestinfo: byTest({
    TestGetAPIRequestInfo: requestOf,
    TestSelectorParsing: requestOf,
    TestGetNonAPIRequestInfo: ({ url, expected }) =>
      is(infoOf('GET', url).isResource, expected, String(url)),
  }),
  apimachinery__pkg__api__resource__quantity: byTest({
    TestQuantityCmp: quantityOrder,
    TestQuantityString: ({ in: text, expect }) => is(String(parseQuantity(text)), expect, text),
    TestQuantityParseEmit: ({ in: text, expect }) => is(String(parseQuantity(text)), expect, text),
    TestAdd: ({ a, b, expected }) =>
      is(String(parseQuantity(a).add(parseQuantity(b))), expected, `${a} + ${b}`),
    TestSub: ({ a, b, expected }) =>
      is(String(parseQuantity(a).sub(parseQuantity(b))), expected, `${a} - ${b}`),
  }),
  apimachinery__pkg__util__duration__duration: byTest({
    TestHumanDuration: duration,
    TestHumanDurationBoundaries: duration,
  }),
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

function quantityOrder({ x, y, expect }: Json): Verdict {
  if (typeof x !== 'string' || typeof y !== 'string')
    return { type: 'left out', why: 'built from structures, not from text' };
  return is(parseQuantity(x).cmp(parseQuantity(y)), expect, `${x} ${y}`);
}

function infoOf(method: Json, url: Json) {
  const { pathname, searchParams } = new URL(String(url), 'http://server');
  return accessInfo(requestInfo(String(method), pathname, searchParams));
}

/** What the row expects of a request, as far as it says it. A row of text is a path without a resource. */
function requestOf(row: Json): Verdict {
  if (typeof row === 'string') return is(infoOf('GET', row).isResource, false, row);
  if (row.expectedVerb === 'proxy')
    return { type: 'left out', why: 'the verb `proxy` is of paths long gone' };
  const info = infoOf(row.method, row.url);
  const got: Readonly<Record<string, string>> = {
    expectedVerb: info.verb,
    expectedAPIGroup: info.group,
    expectedAPIVersion: info.version,
    expectedNamespace: info.namespace,
    expectedResource: info.resource,
    expectedSubresource: info.subresource,
    expectedName: info.name,
  };
  const asked = Object.keys(got).filter((key) => row[key] !== undefined);
  const pick = (from: Json) => Object.fromEntries(asked.map((key) => [key, from[key]]));
  return is(pick(got), pick(row), `${row.method} ${row.url}`);
}

/** Which value a selector asks of a field by `=`, and whether it asks at all. */
function fieldExactMatch({ S: text, Label: label, Value: value, Found: found }: Json): Verdict {
  const exact = parseFieldSelector(String(text)).requirements.find(
    ({ field, operator }) => field === label && operator === '=',
  );
  return is([exact !== undefined, exact?.value ?? ''], [found, value], String(text));
}

function labelMatch({ Sel: selector, Set: set, Match: match }: Json): Verdict {
  // Empty stands for Go's zero value, which matches nothing.
  if (typeof selector !== 'string' || selector === '' || typeof set !== 'string')
    return { type: 'left out', why: 'built from structures, not from text' };
  const labels = Object.fromEntries(
    set
      .split(',')
      .filter((pair) => pair !== '')
      .map((pair) => pair.split('=') as [string, string]),
  );
  return is(parseLabelSelector(selector).matches(labels), match, `${selector} ${set}`);
}

function labelParse({ In: text, Valid: valid }: Json): Verdict {
  if (typeof text !== 'string')
    return { type: 'left out', why: 'built from structures, not from text' };
  return is(
    succeeds(() => parseLabelSelector(text)),
    valid,
    text,
  );
}

function duration({ d, want }: Json): Verdict {
  return is(humanDuration(Number(d) / 1e6), want, String(d));
}

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
