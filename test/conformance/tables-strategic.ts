/** Tables of strategic merge patches: what a patch makes of an object of upstream's test type. */
import type { Schema } from '../../api/schema.ts';
import { applyStrategicPatch } from '../../apiserver/patch/index.ts';
import { parseYaml } from '../../apiserver/wire/yaml.ts';
import { isObject, type Json } from './json-path.ts';
import { byTest, errorOf, failed, is, leftOut, type Tables, type Verdict } from './verdict.ts';

const clients = 'clients make patches; the server only carries them out';

export const strategicTables: Tables = {
  apimachinery__pkg__util__strategicpatch__patch: byTest({
    TestCustomStrategicMergePatch: patches,
    TestStrategicMergePatch: patches,
    TestReplaceWithRawExtension: patches,
    TestNumberConversion: ({ Old: old, ExpectedPatch: patch, ExpectedResult: result }) =>
      is(applyStrategicPatch(read(old), read(patch), precisionItem), read(result), patch),
    TestUnknownField: () => leftOut(clients),
    TestSortMergeLists: () => leftOut('a function of the tests themselves'),
  }),
};

/** A row may hold a patch of two sides, of three, or both. */
function patches(row: Json): readonly Verdict[] {
  const plain = row.StrategicMergePatchTestCaseData;
  const data = plain ?? row.StrategicMergePatchRawTestCaseData;
  if (data === undefined) return [leftOut('only the schema, without a patch')];
  // Rows that are written as structures do not say how lists are ordered.
  const ordered = plain === undefined;
  const { Original, Modified, TwoWay, TwoWayResult, Current, ThreeWay, Result } = data;
  const what = row.Description;
  const verdicts: Verdict[] = [];
  if (data.ExpectedError) return [refusal(data, what)];
  if (TwoWay !== undefined)
    verdicts.push(patched(Original, TwoWay, TwoWayResult ?? Modified, { what, ordered }));
  if (ThreeWay !== undefined)
    verdicts.push(patched(Current, ThreeWay, Result, { what: `${what} (three-way)`, ordered }));
  return verdicts;
}

function refusal({ Original, TwoWay, ExpectedError: words }: Json, what: string): Verdict {
  const error = errorOf(() => applyStrategicPatch(read(Original), read(TwoWay), mergeItem));
  return error?.includes(words) ? { type: 'passed' } : failed(what, `${error}, not ${words}`);
}

function patched(
  from: Json,
  patch: Json,
  to: Json,
  { what, ordered }: { readonly what: string; readonly ordered: boolean },
): Verdict {
  const got = applyStrategicPatch(read(from), read(patch), mergeItem);
  const want = read(to);
  return ordered ? is(got, want, what) : is(sorted(got, mergeItem), sorted(want, mergeItem), what);
}

/** Values stand as they are, as YAML, or not at all. */
function read(value: Json): Json {
  if (value === undefined || value === null) return {};
  if (typeof value === 'string') return parseYaml(value).value ?? {};
  return typeof value.$text === 'string' ? read(value.$text) : value;
}

/** With all merging lists sorted by their key. */
function sorted(value: Json, schema: Schema): Json {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const field = schema.properties?.[key] ?? {};
      const merges = field['x-kubernetes-patch-strategy']?.includes('merge') ?? false;
      if (!Array.isArray(item)) return [key, sorted(item, field)];
      if (!merges) return [key, item];
      const items = item.map((each) => sorted(each, field.items ?? {}));
      const keyOf = (each: Json) => String(each?.name ?? each);
      return [key, items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))];
    }),
  );
}

const merge = { 'x-kubernetes-patch-strategy': 'merge' };
const mergeByName = { ...merge, 'x-kubernetes-patch-merge-key': 'name' };

/** The type that upstream's tests patch; it holds itself. */
const mergeItem: Schema = mergeItemSchema();

function mergeItemSchema(): Schema {
  const properties: Record<string, Schema> = {};
  const item: Schema = { properties };
  const list: Schema = { type: 'array', items: item };
  const texts: Schema = { type: 'object', additionalProperties: {} };
  const plain = {
    name: {},
    value: {},
    other: {},
    mergingList: { ...list, ...mergeByName },
    nonMergingList: list,
    mergingIntList: { type: 'array' as const, items: {}, ...merge },
    simpleMap: texts,
  };
  Object.assign(properties, plain, {
    mergeItemPtr: { ...list, ...mergeByName },
    nonMergingIntList: { type: 'array', items: {} },
    replacingItem: { 'x-kubernetes-patch-strategy': 'replace' },
    retainKeysMap: { properties: plain, 'x-kubernetes-patch-strategy': 'retainKeys' },
    retainKeysMergingList: {
      ...list,
      ...mergeByName,
      'x-kubernetes-patch-strategy': 'merge,retainKeys',
    },
  });
  return item;
}

const precisionItem: Schema = { type: 'object', properties: {} };
