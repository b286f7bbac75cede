/** Tables of structured-merge-diff: chains of updates and applies, and what they do to owners. */
import type { JsonValue } from '../../api/meta.ts';
import {
  difference,
  emptySet,
  equalSets,
  type FieldSet,
  fromFieldsV1,
  toFieldsV1,
} from '../../apiserver/apply/field-set.ts';
import { merge } from '../../apiserver/apply/merge.ts';
import {
  ApplyConflict,
  apply,
  type Convert,
  type Owned,
  update,
  type Versioned,
} from '../../apiserver/apply/ownership.ts';
import { formatPath } from '../../apiserver/apply/path-element.ts';
import { removeItems } from '../../apiserver/apply/remove.ts';
import { toFieldSet, validate } from '../../apiserver/apply/typed.ts';
import { equal } from '../../apiserver/apply/values.ts';
import { parseYaml } from '../../apiserver/wire/yaml.ts';
import type { Json } from './json-path.ts';
import { conversionOf } from './smd-conversion.ts';
import { type ShapeByName, smdShapes } from './smd-shape.ts';
import { failed, leftOut, passed, show, type Tables, type Verdict } from './verdict.ts';

export const smdTables: Tables = { merge_ops: operations };

interface State {
  shapes: ShapeByName;
  live: Versioned;
  owners: ReadonlyMap<string, Owned>;
}

/** Each operation is a statement: the object, its owners and the conflicts after it. */
function operations(row: Json): readonly Verdict[] {
  const { ops, ignoreFilter } = row;
  if (ignoreFilter !== undefined)
    return ops.map(() => leftOut('the filter was written down as an address in memory'));
  const shapes = smdShapes(row.schema);
  const empty: Versioned = { apiVersion: ops[0].apiVersion, shape: {}, value: null };
  const state: State = { shapes, live: empty, owners: new Map() };
  const verdicts: Verdict[] = [];
  for (const [i, op] of ops.entries()) {
    const verdict = operation(row, op, state, `${row.test} ${op.op} ${i + 1}: ${op.object}`);
    verdicts.push(verdict);
    // What follows a wrong state is wrong for the same reason.
    if (verdict.type === 'failed') break;
  }
  return verdicts;
}

function operation(row: Json, op: Json, state: State, what: string): Verdict {
  if (op.op === 'ChangeParser') {
    state.shapes = smdShapes(op.schema);
    state.live = { ...state.live, shape: state.shapes(row.typeName ?? state.live.apiVersion) };
    return compareState(op, state, what);
  }
  let conflicts: readonly { readonly manager: string; readonly path: string }[] = [];
  try {
    change(row, op, state);
  } catch (error) {
    if (error instanceof ApplyConflict) {
      conflicts = error.conflicts.map(({ manager, path }) => ({ manager, path: formatPath(path) }));
    } else {
      const message = error instanceof Error ? error.message : String(error);
      return op.error === message ? passed : failed(what, message);
    }
  }
  if (op.error !== undefined) return failed(what, `no error, but expected ${op.error}`);
  const sorted = (all: Json) => (all ?? []).map(show).sort();
  if (!equal(sorted(conflicts), sorted(op.expectedConflicts)))
    return failed(what, `conflicts ${show(conflicts)}, not ${show(op.expectedConflicts)}`);
  return compareState(op, state, what);
}

function change(row: Json, op: Json, state: State): void {
  const { apiVersion, manager } = op;
  const shapeIn = (version: string) => state.shapes(row.typeName ?? version);
  const convert: Convert = (object, version) => {
    const value = conversionOf(row.converter)(object, version);
    return value === undefined
      ? undefined
      : { apiVersion: version, shape: shapeIn(version), value };
  };
  const { owners } = state;
  const live = convertLive(state.live, apiVersion, convert, shapeIn);
  state.live = live;
  const value = op.object === undefined ? null : (parseYaml(op.object).value ?? null);
  const given: Versioned = { apiVersion, shape: shapeIn(apiVersion), value };
  const ignored = fromFieldsV1(row.ignoredFields?.[apiVersion]);
  const common = { live, owners, manager, convert, ignored };
  if (op.op === 'Update') {
    validate(given.shape, given.value, { duplicates: true });
    state.owners = update({ ...common, next: given });
    state.live = given;
    return;
  }
  const config = op.op === 'ExtractApply' ? extracted(live, given, owners.get(manager)) : given;
  validate(config.shape, config.value);
  const { next, owners: after } = apply({ ...common, config, force: op.op === 'ForceApply' });
  state.owners = after;
  if (next !== undefined) state.live = next;
}

/** Before anything was written the object is null in every version. */
function convertLive(
  live: Versioned,
  apiVersion: string,
  convert: Convert,
  shapeIn: (version: string) => Json,
): Versioned {
  if (live.value === null) return { apiVersion, shape: shapeIn(apiVersion), value: null };
  return live.apiVersion === apiVersion ? live : (convert(live, apiVersion) ?? live);
}

/** What the manager owns already, with the new configuration laid over it, as clients do. */
function extracted(live: Versioned, given: Versioned, owned: Owned | undefined): Versioned {
  const set = owned?.set ?? emptySet;
  const rest = difference(toFieldSet(live.shape, live.value), set);
  const kept = set === emptySet ? null : removeItems(live.shape, live.value, rest);
  return { ...given, value: merge(given.shape, kept, given.value) ?? null };
}

function compareState(op: Json, { live, owners }: State, what: string): Verdict {
  if (op.liveAfter !== undefined && !equal(live.value as JsonValue, op.liveAfter))
    return failed(what, `object ${show(live.value)}, not ${show(op.liveAfter)}`);
  const wanted = Object.entries<Json>(op.managersAfter ?? {});
  const same = (owned: Owned | undefined, { fieldsV1, applied, apiVersion }: Json) =>
    owned !== undefined &&
    equalSets(owned.set, fromFieldsV1(fieldsV1)) &&
    owned.applied === applied &&
    owned.apiVersion === apiVersion;
  if (wanted.length === owners.size && wanted.every(([key, each]) => same(owners.get(key), each)))
    return passed;
  const got = Object.fromEntries([...owners].map(([key, owned]) => [key, written(owned)]));
  return failed(what, `owners ${show(got)}, not ${show(op.managersAfter)}`);
}

function written({ set, ...rest }: { readonly set: FieldSet }): Json {
  return { ...rest, fieldsV1: toFieldsV1(set) };
}
