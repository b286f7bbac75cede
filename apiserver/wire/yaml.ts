/**
 * YAML as kubectl and sigs.k8s.io/yaml read it, turned into JSON values: YAML 1.1 scalars (`on` is
 * true, `0644` is 420), but dates and `1:30` stay strings.
 */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type ScalarTag,
  type Tags,
} from 'yaml';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { maxJsonDepth, type Parsed } from './json.ts';
import { WireError } from './wire-error.ts';

/** Parsed or empty; their types differ only in what `contents` may be. */
type YamlDocument = ReturnType<typeof parseAllDocuments>[number];

/** How many values may come out of aliases: a few anchors must not become a gigabyte. */
export const maxAliasedNodes = 10_000;

/**
 * Reads one YAML document; throws `WireError`. More than one document with content is refused, and
 * so are nesting as in `parseJson`, `__proto__`, cyclic aliases and more than `maxAliasedNodes`
 * aliased values.
 */
export function parseYaml(body: Uint8Array | string): Parsed {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const documents = parse(text);
  const [first, ...rest] = documents;
  for (const document of rest) {
    if (!isEmpty(document)) {
      throw new WireError('Syntax', 'yaml: more than one document', document.range?.[0] ?? 0);
    }
  }
  if (first === undefined || isEmpty(first)) return { value: null, duplicates: [] };
  const converter = new Converter(first);
  const value = converter.node(first.contents, '', 0);
  return { value, duplicates: [...converter.duplicates] };
}

function parse(text: string): YamlDocument[] {
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      version: '1.1',
      customTags: goTags,
      uniqueKeys: false,
      intAsBigInt: true,
      logLevel: 'error',
    });
  } catch (error) {
    // The composer recurses; a stack that is exhausted is the caller's text, not our fault.
    if (error instanceof RangeError) throw new WireError('TooDeep', 'exceeded max depth', 0);
    throw error;
  }
  for (const document of documents) {
    const [error] = document.errors;
    if (error === undefined) continue;
    const line = error.linePos?.[0].line;
    const what = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    const where = line === undefined ? '' : `line ${line}: `;
    throw new WireError('Syntax', `yaml: ${where}${what}`, error.pos[0], { cause: error });
  }
  return [...documents];
}

function isEmpty({ contents }: YamlDocument): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

/** YAML 1.1 without the types that Go's reader does not turn into JSON, and with `0o17`. */
function goTags(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    if (typeof tag === 'string') return !['omap', 'pairs', 'set', 'timestamp'].includes(tag);
    return !droppedTags.has(tag.tag) && !('format' in tag && tag.format === 'TIME');
  });
  return [octal, ...kept];
}

const droppedTags = new Set(
  ['omap', 'pairs', 'set', 'timestamp'].map((name) => `tag:yaml.org,2002:${name}`),
);

const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => {
    const digits = text.replace(/_/g, '');
    return digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits.replace('+', ''));
  },
};

class Converter {
  readonly duplicates = new Set<string>();
  readonly #document: YamlDocument;
  /** Aliases being followed; an alias to one of them would never end. */
  readonly #open = new Set<Node>();
  #aliased = 0;

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  node(node: unknown, path: string, depth: number): JsonValue {
    if (depth > maxJsonDepth) throw new WireError('TooDeep', 'exceeded max depth', at(node));
    if (this.#open.size > 0) {
      this.#aliased += 1;
      if (this.#aliased > maxAliasedNodes) {
        throw new WireError('TooDeep', 'yaml: document contains excessive aliasing', at(node));
      }
    }
    if (isAlias(node)) return this.#alias(node, (target) => this.node(target, path, depth));
    if (isScalar(node)) return scalar(node);
    if (isSeq(node)) {
      return node.items.map((item, i) => this.node(item, `${path}[${i}]`, depth + 1));
    }
    if (isMap(node)) {
      const object: JsonObject = {};
      this.#fill(object, node.items, path, depth);
      return object;
    }
    return null;
  }

  #alias<T>(alias: Alias, follow: (target: Node) => T): T {
    const target = alias.resolve(this.#document);
    if (target === undefined) {
      throw new WireError('Syntax', `yaml: unknown anchor '${alias.source}' referenced`, at(alias));
    }
    if (this.#open.has(target)) {
      const message = `yaml: anchor '${alias.source}' value contains itself`;
      throw new WireError('Syntax', message, at(alias));
    }
    this.#open.add(target);
    const value = follow(target);
    this.#open.delete(target);
    return value;
  }

  #fill(object: JsonObject, pairs: readonly Pair[], path: string, depth: number): void {
    const merges: unknown[] = [];
    for (const pair of pairs) {
      if (isMergeKey(pair.key)) {
        merges.push(pair.value);
        continue;
      }
      const key = this.#key(pair.key);
      if (key === '__proto__') {
        const message = 'the field name "__proto__" is not allowed';
        throw new WireError('Forbidden', message, at(pair.key));
      }
      const child = path === '' ? key : `${path}.${key}`;
      if (Object.hasOwn(object, key)) this.duplicates.add(child);
      object[key] = this.node(pair.value, child, depth + 1);
    }
    for (const merge of merges) this.#merge(object, merge, path, depth);
  }

  /**
   * What stands in the object itself wins over what is merged, and earlier merges over later ones.
   */
  #merge(object: JsonObject, source: unknown, path: string, depth: number): void {
    if (isSeq(source)) {
      for (const item of source.items) this.#merge(object, item, path, depth);
      return;
    }
    if (!isAlias(source) && !isMap(source)) {
      throw new WireError('Syntax', 'yaml: map merge requires map or sequence of maps', at(source));
    }
    const merged = this.node(source, path, depth);
    if (merged === null || typeof merged !== 'object' || Array.isArray(merged)) {
      throw new WireError('Syntax', 'yaml: map merge requires map or sequence of maps', at(source));
    }
    for (const [key, value] of Object.entries(merged)) {
      if (!Object.hasOwn(object, key)) object[key] = value;
    }
  }

  /** JSON has only string keys: `on:` is "true", `1:` is "1". */
  #key(node: unknown): string {
    if (isAlias(node)) return this.#alias(node, (target) => this.#key(target));
    const value = isScalar(node) ? scalar(node) : undefined;
    if (value === undefined || value === null || typeof value === 'object') {
      throw new WireError('Syntax', 'yaml: unsupported map key', at(node));
    }
    return String(value);
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<';
}

function scalar(node: Scalar): JsonValue {
  const { value } = node;
  switch (typeof value) {
    case 'bigint':
      return integer(value);
    case 'number':
      if (Number.isFinite(value)) return value;
      throw new WireError('Syntax', `json: unsupported value: ${goFloat(value)}`, at(node));
    case 'string':
    case 'boolean':
      return value;
    default:
      // `!!binary` becomes bytes; Go makes a string of them.
      if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
      return typeof value === 'symbol' ? (node.source ?? '') : null;
  }
}

function integer(value: bigint): number | bigint {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return BigInt.asIntN(64, value) === value ? value : number;
}

function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

function at(node: unknown): number {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}
