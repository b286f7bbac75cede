/** Bindings that are of use only together: how they are cut into transactions, and how one that fails stops the rest. Pure. */
import { conflict, type StatusError } from '../../api/status.ts';

export interface Grouped {
  readonly place: { readonly group: string; readonly plural: string };
  readonly name: string;
  readonly group?: string;
}

/** Parts of at most `most`, in order; a group in a row is cut only when it is larger than that. */
export function partsOf<T extends Grouped>(wanted: readonly T[], most: number): readonly T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < wanted.length; ) {
    const { group } = wanted[at] ?? {};
    let end = at + 1;
    while (group !== undefined && wanted[end]?.group === group) end += 1;
    const together = wanted.slice(at, Math.min(end, at + most));
    const part = parts.at(-1);
    if (part !== undefined && part.length + together.length <= most) part.push(...together);
    else parts.push([...together]);
    at += together.length;
  }
  return parts;
}

/** The errors, with one more for everything whose group has one already. */
export function groupErrors(
  wanted: readonly Grouped[],
  errors: readonly (StatusError | undefined)[],
): readonly (StatusError | undefined)[] {
  const failed = new Map<string, string>();
  for (const [index, { group, name }] of wanted.entries())
    if (group !== undefined && errors[index] !== undefined) failed.set(group, name);
  if (failed.size === 0) return errors;
  return wanted.map(({ group, place, name }, index) => {
    const error = errors[index];
    const culprit = group === undefined ? undefined : failed.get(group);
    if (error !== undefined || culprit === undefined) return error;
    const what = { group: place.group, resource: `${place.plural}/binding` };
    return conflict(what, name, `bound only together with ${culprit}, which could not be bound`);
  });
}
