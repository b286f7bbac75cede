/**
 * Who owns which fields, and what an update or an apply makes of it. Knows nothing of metadata,
 * time or names: managers are plain keys.
 * Source: behaviour of sigs.k8s.io/structured-merge-diff v4 as kube-apiserver 1.32 uses it.
 */
import type { JsonValue } from '../../api/meta.ts';
import {
  difference,
  emptySet,
  type FieldSet,
  intersection,
  isEmpty,
  paths,
  recursiveDifference,
  union,
} from './field-set.ts';
import { merge } from './merge.ts';
import type { PathElement } from './path-element.ts';
import { removeItems } from './remove.ts';
import { followSchema, withDeclaredParents } from './schema-change.ts';
import type { Shape } from './shape.ts';
import { type Comparison, compare, toFieldSet } from './typed.ts';
import { equal } from './values.ts';

/** What one manager owns, as of one version of the kind. */
export interface Owned {
  readonly set: FieldSet;
  readonly apiVersion: string;
  /** By server-side apply, not by update. */
  readonly applied: boolean;
}

export type Owners = ReadonlyMap<string, Owned>;

/** A value in one version of its kind. */
export interface Versioned {
  readonly apiVersion: string;
  readonly shape: Shape;
  readonly value: JsonValue;
}

/** `undefined` when the version is no longer served: what was owned in it is forgotten. */
export type Convert = (object: Versioned, apiVersion: string) => Versioned | undefined;

export interface Conflict {
  readonly manager: string;
  readonly path: readonly PathElement[];
}

/** An apply that would change what others own. */
export class ApplyConflict extends Error {
  override readonly name = 'ApplyConflict';
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super(`${conflicts.length} conflicts`);
    this.conflicts = conflicts;
  }
}

export interface Change {
  readonly live: Versioned;
  readonly owners: Owners;
  readonly manager: string;
  readonly convert: Convert;
  /** Nobody owns these fields or anything below them. */
  readonly ignored: FieldSet;
}

/** Owners after `next` has replaced `live`: the manager owns what it changed, others lose it. */
export function update(change: Change & { readonly next: Versioned }): Map<string, Owned> {
  const { next, manager, ignored } = change;
  const owners = reconcile(change);
  const { left, comparison } = settle({ ...change, owners, force: true });
  const before = left.get(manager)?.set ?? emptySet;
  const kept = difference(before, comparison.removed);
  const touched = union(union(kept, comparison.modified), comparison.added);
  const set = recursiveDifference(touched, ignored);
  left.delete(manager);
  if (!isEmpty(set)) left.set(manager, { set, apiVersion: next.apiVersion, applied: false });
  return left;
}

/** What an apply leads to; `next` is `undefined` when the object stays as it is. */
export interface Applied {
  readonly next: Versioned | undefined;
  readonly owners: Map<string, Owned>;
}

/** Merges `config` into `live` and takes out what the manager no longer sends; throws `ApplyConflict`. */
export function apply(
  change: Change & { readonly config: Versioned; readonly force: boolean },
): Applied {
  const { live, config, manager, ignored, convert, force } = change;
  const owners = reconcile(change);
  const last = owners.get(manager);
  const value = merge(live.shape, live.value, config.value) ?? null;
  const wanted = recursiveDifference(toFieldSet(config.shape, config.value), ignored);
  owners.set(manager, { set: wanted, apiVersion: config.apiVersion, applied: true });
  const merged = { ...config, value };
  const next = last === undefined ? merged : prune({ merged, owners, last, manager, convert });
  const { left } = settle({ ...change, owners, next, force });
  return { next: equal(live.value, next.value) ? undefined : next, owners: left };
}

function reconcile({ live, owners, convert }: Change): Map<string, Owned> {
  const current = new Map<string, Owned>();
  for (const [manager, owned] of owners) {
    const at = inVersion(live, owned.apiVersion, convert);
    if (at === undefined) continue;
    current.set(manager, { ...owned, set: followSchema(at.shape, owned.set) });
  }
  return current;
}

interface Settled {
  readonly left: Map<string, Owned>;
  readonly comparison: Comparison;
}

/** Takes from the other managers what has changed; throws unless `force` when it was theirs. */
function settle(change: Change & { readonly next: Versioned; readonly force: boolean }): Settled {
  const { live, next, owners, manager, ignored, convert, force } = change;
  const comparison = compare(live.shape, live.value, next.value);
  const byVersion = new Map<string, Comparison | undefined>([
    [next.apiVersion, without(comparison, ignored)],
  ]);
  const left = new Map<string, Owned>();
  const conflicts: Conflict[] = [];
  for (const [other, owned] of owners) {
    if (other === manager) {
      if (!isEmpty(owned.set)) left.set(other, owned);
      continue;
    }
    const { apiVersion } = owned;
    if (!byVersion.has(apiVersion)) {
      const there = compareIn(apiVersion, live, next, convert);
      byVersion.set(apiVersion, there === undefined ? undefined : without(there, ignored));
    }
    const changes = byVersion.get(apiVersion);
    if (changes === undefined) continue;
    const taken = intersection(owned.set, union(changes.modified, changes.added));
    conflicts.push(...paths(taken).map((path) => ({ manager: other, path })));
    const set = difference(difference(owned.set, taken), changes.removed);
    if (!isEmpty(set)) left.set(other, { ...owned, set });
  }
  if (!force && conflicts.length > 0) throw new ApplyConflict(conflicts);
  return { left, comparison };
}

function compareIn(
  apiVersion: string,
  live: Versioned,
  next: Versioned,
  convert: Convert,
): Comparison | undefined {
  const before = inVersion(live, apiVersion, convert);
  const after = inVersion(next, apiVersion, convert);
  if (before === undefined || after === undefined) return undefined;
  return compare(after.shape, before.value, after.value);
}

function without(comparison: Comparison, ignored: FieldSet): Comparison {
  return {
    added: recursiveDifference(comparison.added, ignored),
    modified: recursiveDifference(comparison.modified, ignored),
    removed: recursiveDifference(comparison.removed, ignored),
  };
}

interface Pruning {
  readonly merged: Versioned;
  readonly owners: Owners;
  readonly last: Owned;
  readonly manager: string;
  readonly convert: Convert;
}

/** Takes out what was in the manager's last configuration and nobody owns now. */
function prune({ merged, owners, last, manager, convert }: Pruning): Versioned {
  if (isEmpty(last.set)) return merged;
  const at = inVersion(merged, last.apiVersion, convert);
  if (at === undefined) return merged;
  const lastSet = withDeclaredParents(at.shape, last.set);
  const cut = { ...at, value: removeItems(at.shape, at.value, lastSet) };
  const owned = addBackOwned(at, cut, owners, convert);
  const pruned = addBackForeign(at, inVersion(owned, last.apiVersion, convert) ?? owned, lastSet);
  const version = owners.get(manager)?.apiVersion ?? merged.apiVersion;
  return inVersion(pruned, version, convert) ?? pruned;
}

/** Puts back what anybody owns now. */
function addBackOwned(
  merged: Versioned,
  pruned: Versioned,
  owners: Owners,
  convert: Convert,
): Versioned {
  const byVersion = new Map<string, FieldSet>([[merged.apiVersion, emptySet]]);
  for (const { set, apiVersion } of owners.values()) {
    byVersion.set(apiVersion, union(byVersion.get(apiVersion) ?? emptySet, set));
  }
  let result = pruned;
  for (const [apiVersion, set] of byVersion) {
    const full = inVersion(merged, apiVersion, convert);
    const cut = inVersion(result, apiVersion, convert);
    if (full === undefined || cut === undefined) continue;
    const members = (s: FieldSet) => withDeclaredParents(full.shape, s);
    const kept = union(members(toFieldSet(cut.shape, cut.value)), members(set));
    const gone = difference(members(toFieldSet(full.shape, full.value)), kept);
    result = { ...full, value: removeItems(full.shape, full.value, gone) };
  }
  return result;
}

/** Puts back what went along with its parent although the last configuration had not set it. */
function addBackForeign(merged: Versioned, pruned: Versioned, last: FieldSet): Versioned {
  const members = ({ shape, value }: Versioned) =>
    withDeclaredParents(merged.shape, toFieldSet(shape, value));
  const gone = intersection(difference(members(merged), members(pruned)), last);
  return { ...merged, value: removeItems(merged.shape, merged.value, gone) };
}

function inVersion(object: Versioned, apiVersion: string, convert: Convert): Versioned | undefined {
  return object.apiVersion === apiVersion ? object : convert(object, apiVersion);
}
