/** What to do about a field that does not exist: the nearest name that does, or where to look. */
import type { Schema } from '../../api/schema.ts';
import { fieldSchema } from '../schema/json-kinds.ts';

/** Names further apart than this are no slip of the finger. */
const maxDistance = 2;

/** ` (did you mean "replicas"?)` for `spec.replica`; empty when nothing is near. */
export function didYouMean(path: string, schema: Schema): string {
  const steps = path.split('.').map((step) => step.replace(/\[.*$/, ''));
  const name = steps.pop() ?? '';
  let place: Schema | undefined = schema;
  for (const step of steps) {
    place = place === undefined ? undefined : fieldSchema(place, step);
    while (place?.type === 'array') place = place.items;
  }
  const names = Object.keys(place?.properties ?? {});
  const near = names
    .map((each) => ({ each, distance: distance(each.toLowerCase(), name.toLowerCase()) }))
    .filter((candidate) => candidate.distance <= maxDistance)
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? '' : ` (did you mean "${near.each}"?)`;
}

/** Levenshtein's: how many letters to change, add or drop. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > maxDistance) return maxDistance + 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
