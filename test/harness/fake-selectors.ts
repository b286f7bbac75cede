import type { JsonValue, KubeObject } from '../../api/meta.ts';
import { asJson } from './fake-merge.ts';

/** Label selectors of the forms `a=b`, `a!=b`, `a`, `!a`; field selectors of the first two. */
export function matchesSelectors(
  object: KubeObject,
  selectors: { namespace?: string; labelSelector?: string; fieldSelector?: string },
): boolean {
  const { namespace, labelSelector = '', fieldSelector = '' } = selectors;
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const labels = object.metadata.labels ?? {};
  return (
    terms(labelSelector).every((term) => matches(term, (key) => labels[key])) &&
    terms(fieldSelector).every((term) => matches(term, (path) => field(object, path) ?? ''))
  );
}

function terms(selector: string): string[] {
  return selector.split(',').filter((term) => term !== '');
}

function matches(term: string, value: (key: string) => string | undefined): boolean {
  const unequal = term.split('!=');
  if (unequal.length === 2) return value(unequal[0] ?? '') !== unequal[1];
  const equal = term.split(/==?/);
  if (equal.length === 2) return value(equal[0] ?? '') === equal[1];
  if (term.startsWith('!')) return value(term.slice(1)) === undefined;
  return value(term) !== undefined;
}

function field(object: KubeObject, path: string): string | undefined {
  let value: JsonValue | undefined = asJson(object);
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as { [field: string]: JsonValue | undefined })[name]; // Just checked.
  }
  return value === undefined ? undefined : String(value);
}
