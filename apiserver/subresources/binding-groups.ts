/** Bindings that are of use only together: how they are cut into transactions, and how one that fails stops the rest. Pure. */
import { conflict, type StatusError } from '../../api/status.ts';

export interface Grouped {
  readonly place: { readonly group: string; readonly plural: string };
  readonly name: string;
  readonly group?: string;
  /** Written with it, one by one. */
  readonly volumes?: readonly unknown[];
}

/** Parts of at most `most` writes, in order; a group in a row is cut only when it is larger than that. */
export function partsOf<T extends Grouped>(wanted: readonly T[], most: number): readonly T[][] {
  const parts: T[][] = [];
  let writes = 0;
  for (let at = 0; at < wanted.length; ) {
    const { group } = wanted[at] ?? {};
    let end = at + 1;
    let together = writesOf(wanted[at]);
    while (group !== undefined && wanted[end]?.group === group) {
      if (together + writesOf(wanted[end]) > most) break;
      together += writesOf(wanted[end]);
      end += 1;
    }
    const part = parts.at(-1);
    if (part !== undefined && writes + together <= most) part.push(...wanted.slice(at, end));
    else {
      parts.push(wanted.slice(at, end));
      writes = 0;
    }
    writes += together;
    at = end;
  }
  return parts;
}

function writesOf(wanted: Grouped | undefined): number {
  return 1 + (wanted?.volumes?.length ?? 0);
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
