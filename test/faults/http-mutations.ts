/** Ways in which a body or a word can be wrong. */
import { stringify } from 'yaml';
import type { Dice } from './runs.ts';

const oddTexts = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  'a/b',
  '..',
  '%00',
  'x'.repeat(300),
  'Å\u0301',
  '__proto__',
  'constructor',
  '-',
  'UPPER',
];

const oddValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  -1e308,
  '',
  'x',
  '9'.repeat(400),
  '\u0000',
  '\ud800',
  [],
  [null],
  [[]],
  {},
  { a: 1 },
  { __proto__x: 1, constructor: {} },
];

export function mutateText(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  return text.slice(0, at) + dice.pick(oddTexts) + (dice.chance(0.5) ? text.slice(at) : '');
}

/** The bytes of `value`, wrong in up to three places of the object and perhaps one of the text. */
export function mutateBody(value: object, contentType: string, dice: Dice): Buffer {
  const copy = structuredClone(value);
  for (let i = dice.below(4); i > 0; i -= 1) mutateOnce(copy, dice);
  if (contentType.includes('protobuf')) return protobufOf(copy, dice);
  const yaml = contentType.includes('yaml') && dice.chance(0.5);
  const json = JSON.stringify(copy);
  // What is nested deeper than the writer of YAML goes is sent as JSON, which is YAML as well.
  const text = yaml && !/[[{]{50}|(\{"a":){50}/.test(json) ? stringify(copy) : json;
  return mutateBytes(dice.chance(0.15) ? mutateSyntax(text, dice) : text, dice);
}

/** Changes one place anywhere in the object. */
function mutateOnce(root: object, dice: Dice): void {
  let parent = root as Record<string, unknown>; // Lists have keys, too.
  for (;;) {
    const keys = Object.keys(parent);
    const key = keys.length === 0 ? 'x' : dice.pick(keys);
    const child = parent[key];
    if (typeof child === 'object' && child !== null && dice.chance(0.75)) {
      parent = child as Record<string, unknown>; // Not null, so it has keys.
      continue;
    }
    if (Array.isArray(parent) && dice.chance(0.3)) parent.push(...structuredClone(parent));
    else if (dice.chance(0.15)) delete parent[key];
    else if (dice.chance(0.18)) put(parent, dice.pick(oddTexts), dice.pick(oddValues));
    else if (dice.chance(0.03)) put(parent, key, nested(dice));
    else if (typeof child === 'string' && dice.chance(0.4))
      put(parent, key, mutateText(child, dice));
    else put(parent, key, dice.pick(oddValues));
    return;
  }
}

/** A copy, as a key like any other, also where it is `__proto__`. */
function put(parent: object, key: string, value: unknown): void {
  const plain = { configurable: true, enumerable: true, writable: true };
  Object.defineProperty(parent, key, { ...plain, value: structuredClone(value) });
}

function nested(dice: Dice): unknown {
  let value: unknown = 1;
  const list = dice.chance(0.5);
  for (let i = 50 + dice.below(800); i > 0; i -= 1) value = list ? [value] : { a: value };
  return value;
}

function mutateSyntax(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  return dice.pick<() => string>([
    () => text.slice(0, at),
    () =>
      text.slice(0, at) +
      dice.pick(['{', '}', '"', ',', ':', '\\', '\u0000', '&a *a']) +
      text.slice(at),
    () => text.replace('{', '{"kind":"X","kind":"Y",'),
    () => text.replace(/:(\d+)/, ':123456789012345678901234567890'),
    () => text.replace(/:(\d+)/, ':1e999'),
    () => `${'['.repeat(20_000)}`,
    () => `{"a":`.repeat(20_000),
    () => `a: &a [x]\n${'b: *a\n'.repeat(50)}`,
    () => yamlBomb,
    () => `\ufeff${text}`,
    () => '',
    () => 'null',
    () => '[]',
    () => '"x"',
    () => text.replace('"name":', '"__proto__":{"x":1},"name":'),
    () => text.replace('"name":', '"\\ud800":"\\udfff","name":'),
  ])();
}

/** Nine levels, each nine times the one before. */
const yamlBomb = Array.from({ length: 9 }, (_, i) => {
  const before = i === 0 ? '"x"' : `*a${i - 1}`;
  return `a${i}: &a${i} [${Array(9).fill(before).join(', ')}]`;
}).join('\n');

function mutateBytes(text: string, dice: Dice): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 0 && dice.chance(0.04)) {
    for (let i = dice.below(4); i >= 0; i -= 1) bytes[dice.below(bytes.length)] = dice.below(256);
  }
  if (dice.chance(0.002)) return Buffer.concat([bytes, Buffer.alloc(3_500_000, 32)]);
  return bytes;
}

/** An envelope as clients write it around rubbish, or around nothing. */
function protobufOf(value: object, dice: Dice): Buffer {
  const { apiVersion = '', kind = '' } = value as { apiVersion?: unknown; kind?: unknown };
  const type = Buffer.concat([
    field(1, Buffer.from(String(apiVersion))),
    field(2, Buffer.from(String(kind))),
  ]);
  const raw = Buffer.from(Array.from({ length: dice.below(200) }, () => dice.below(256)));
  const meta = field(1, field(1, Buffer.from('a')));
  const inner = dice.chance(0.5)
    ? raw
    : Buffer.concat([meta, dice.chance(0.5) ? field(2, raw) : raw]);
  const whole = Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, inner)]);
  return dice.chance(0.2) ? whole.subarray(0, dice.below(whole.length)) : whole;
}

function field(number: number, bytes: Buffer): Buffer {
  const low = bytes.length & 0x7f;
  const length = bytes.length < 128 ? [low] : [low | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}
