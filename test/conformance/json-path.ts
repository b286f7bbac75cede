/** Paths into recorded answers: `a.b[0].c`, `a[*].b`, `a[name=x].b`, `a["dotted.key"]`. */

/** Recorded JSON is looked into at any depth. */
// biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what is being tested.
export type Json = any;

type Segment =
  | { readonly type: 'all' }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'where'; readonly path: string; readonly is: string };

/** What stands for a value that is not there. */
export const absent = '<absent>';

export function isObject(value: Json): value is Record<string, Json> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The value at `path`; all of them as a list when the path has a `[*]`. */
export function pick(value: Json, path: string): Json {
  const found = select(value, path);
  if (parsePath(path).some(({ type }) => type === 'all')) return found;
  return found.length > 0 ? found[0] : absent;
}

export function select(value: Json, path: string): Json[] {
  let found: Json[] = [value];
  for (const segment of parsePath(path)) found = found.flatMap((each) => step(each, segment));
  return found;
}

/** Removes what `path` names, in place. */
export function drop(value: Json, path: string): void {
  const segments = parsePath(path);
  const last = segments.pop();
  if (last === undefined) return;
  let parents: Json[] = [value];
  for (const segment of segments) parents = parents.flatMap((each) => step(each, segment));
  for (const parent of parents) dropFrom(parent, last);
}

function parsePath(path: string): Segment[] {
  const pattern = /\[\*\]|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[([^\]=]+)=([^\]]*)\]|\.?([^.[\]]+)/g;
  return [...path.matchAll(pattern)].map(([whole, index, quoted, where, is, key]): Segment => {
    if (whole === '[*]' || key === '*') return { type: 'all' };
    if (index !== undefined) return { type: 'index', index: Number(index) };
    if (where !== undefined) return { type: 'where', path: where, is: is ?? '' };
    return { type: 'key', key: quoted ?? key ?? '' };
  });
}

function step(value: Json, segment: Segment): Json[] {
  if (value === null || typeof value !== 'object') return [];
  switch (segment.type) {
    case 'all':
      return Object.values(value);
    case 'index':
      return Array.isArray(value) && segment.index < value.length ? [value[segment.index]] : [];
    case 'where':
      return Array.isArray(value) ? value.filter((each) => holds(each, segment)) : [];
    case 'key':
      return Object.hasOwn(value, segment.key) ? [value[segment.key]] : [];
  }
}

function holds(value: Json, { path, is }: Segment & { readonly type: 'where' }): boolean {
  return isObject(value) && String(select(value, path)[0]) === is;
}

function dropFrom(parent: Json, segment: Segment): void {
  if (parent === null || typeof parent !== 'object') return;
  if (segment.type === 'all') for (const key of Object.keys(parent)) delete parent[key];
  else if (segment.type === 'where') {
    if (!Array.isArray(parent)) return;
    parent.splice(0, parent.length, ...parent.filter((each) => !holds(each, segment)));
  } else if (segment.type === 'index') parent.splice(segment.index, 1);
  else delete parent[segment.key];
}
