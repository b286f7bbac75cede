/** The types of expressions, how they are written, and what may stand for what. */

export type Type =
  | { readonly kind: Scalar }
  | { readonly kind: 'list'; readonly element: Type; readonly maxSize?: number }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type; readonly maxSize?: number }
  | ObjectType
  | { readonly kind: 'opaque'; readonly name: string; readonly params: readonly Type[] }
  | { readonly kind: 'type'; readonly of: Type }
  | { readonly kind: 'param'; readonly name: string }
  /** A text or bytes with a known limit; else like `string` and `bytes`. */
  | { readonly kind: 'string' | 'bytes'; readonly maxSize: number };

type Scalar =
  | 'dyn'
  | 'error'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration';

export interface ObjectType {
  readonly kind: 'object';
  readonly name: string;
  readonly fields: ReadonlyMap<string, Type>;
}

const scalars: ReadonlySet<string> = new Set<Scalar>([
  'dyn',
  'error',
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'null',
  'timestamp',
  'duration',
]);

export const dyn: Type = { kind: 'dyn' };
export const bool: Type = { kind: 'bool' };

export function scalar(kind: Scalar): Type {
  return { kind };
}

export function listOf(element: Type): Type {
  return { kind: 'list', element };
}

export function optionalOf(type: Type): Type {
  return { kind: 'opaque', name: 'optional_type', params: [type] };
}

/** The type in `optional_type(T)`. */
export function unwrapped(type: Type): Type | undefined {
  return type.kind === 'opaque' && type.name === 'optional_type' ? type.params[0] : undefined;
}

/** A type as signatures write it: `list(A)`, `map(string, dyn)`, `kubernetes.URL`. */
export function parseType(text: string): Type {
  const match = /^([\w.]+)(?:\((.*)\))?$/.exec(text.trim());
  const [, name = '', inner] = match ?? [];
  const params = inner === undefined ? [] : splitTypes(inner).map(parseType);
  if (/^[A-Z]$/.test(name)) return { kind: 'param', name };
  if (name === 'list') return listOf(params[0] ?? dyn);
  if (name === 'map') return { kind: 'map', key: params[0] ?? dyn, value: params[1] ?? dyn };
  if (name === 'type') return { kind: 'type', of: params[0] ?? dyn };
  if (name === 'optional') return optionalOf(params[0] ?? dyn);
  // The set holds exactly the names of scalars.
  if (scalars.has(name)) return { kind: name as Scalar };
  return { kind: 'opaque', name, params };
}

/** At the commas that are in no parentheses. */
export function splitTypes(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += char;
  }
  if (part.trim() !== '') parts.push(part.trim());
  return parts;
}

export function formatType(type: Type): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case 'object':
      return type.name;
    case 'opaque':
      return type.params.length === 0
        ? type.name
        : `${type.name}(${type.params.map(formatType).join(', ')})`;
    case 'type':
      return type.of.kind === 'dyn' ? 'type' : `type(${formatType(type.of)})`;
    case 'param':
      return type.name.replace(/#.*/, '');
    case 'error':
      return '!error!';
    default:
      return type.kind;
  }
}

/** What the parameters of signatures stand for, as far as it is known. */
export type Bindings = Map<string, Type>;

/** Whether `from` may stand where `to` is wanted; binds parameters in `bindings`. */
export function assignable(to: Type, from: Type, bindings: Bindings): boolean {
  const [want, have] = [resolve(to, bindings), resolve(from, bindings)];
  if (want === have) return true;
  if (want.kind === 'param') return bind(want.name, have, bindings);
  if (have.kind === 'param') return bind(have.name, want, bindings);
  if (isAny(want) || isAny(have)) return true;
  if (have.kind === 'null') return want.kind === 'null' || nullable.has(want.kind);
  if (want.kind === 'null') return nullable.has(have.kind);
  if (want.kind === 'list' && have.kind === 'list')
    return assignable(want.element, have.element, bindings);
  if (want.kind === 'map' && have.kind === 'map')
    return assignable(want.key, have.key, bindings) && assignable(want.value, have.value, bindings);
  if (want.kind === 'object' && have.kind === 'object') return want.name === have.name;
  if (want.kind === 'opaque' && have.kind === 'opaque')
    return (
      want.name === have.name &&
      want.params.every((param, i) => assignable(param, have.params[i] ?? dyn, bindings))
    );
  return want.kind === have.kind;
}

const nullable: ReadonlySet<Type['kind']> = new Set<Type['kind']>([
  'opaque',
  'object',
  'timestamp',
  'duration',
]);

export function isAny({ kind }: Type): boolean {
  return kind === 'dyn' || kind === 'error';
}

function bind(name: string, type: Type, bindings: Bindings): boolean {
  if (mentions(type, name, bindings)) return false;
  bindings.set(name, type);
  return true;
}

function mentions(type: Type, name: string, bindings: Bindings): boolean {
  const found = resolve(type, bindings);
  switch (found.kind) {
    case 'param':
      return found.name === name;
    case 'list':
      return mentions(found.element, name, bindings);
    case 'map':
      return mentions(found.key, name, bindings) || mentions(found.value, name, bindings);
    case 'opaque':
      return found.params.some((param) => mentions(param, name, bindings));
    default:
      return false;
  }
}

function resolve(type: Type, bindings: Bindings): Type {
  let found = type;
  while (found.kind === 'param') {
    const next = bindings.get(found.name);
    if (next === undefined) return found;
    found = next;
  }
  return found;
}

/** With parameters replaced; those that nothing is known of are `dyn` when `final`. */
export function substitute(type: Type, bindings: Bindings, final = false): Type {
  const found = resolve(type, bindings);
  const inner = (each: Type) => substitute(each, bindings, final);
  switch (found.kind) {
    case 'param':
      return final ? dyn : found;
    case 'list':
      return { ...found, element: inner(found.element) };
    case 'map':
      return { ...found, key: inner(found.key), value: inner(found.value) };
    case 'opaque':
      return { ...found, params: found.params.map(inner) };
    case 'type':
      return { kind: 'type', of: inner(found.of) };
    default:
      return found;
  }
}

/** Parameters get names of their own, so that two calls of one function do not mix. */
export function renamed(type: Type, suffix: string): Type {
  const inner = (each: Type) => renamed(each, suffix);
  switch (type.kind) {
    case 'param':
      return { kind: 'param', name: `${type.name}#${suffix}` };
    case 'list':
      return { ...type, element: inner(type.element) };
    case 'map':
      return { ...type, key: inner(type.key), value: inner(type.value) };
    case 'opaque':
      return { ...type, params: type.params.map(inner) };
    case 'type':
      return { kind: 'type', of: inner(type.of) };
    default:
      return type;
  }
}
