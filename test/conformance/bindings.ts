/**
 * Recorded symbols (`<uid1>`, `<rv2>`, `<gen1>`) and this server's values: a symbol is bound when it is
 * first met; the same one must be the same value later, another one another value.
 */

export const symbolPattern = /<(uid|rv|gen)\d+>/g;

const shapes: Readonly<Record<string, string>> = {
  uid: '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})',
  rv: '(\\S+?)',
  gen: '([a-z0-9]{5})',
};

export class Bindings {
  readonly #values = new Map<string, string>();
  readonly #symbols = new Map<string, string>();

  valueOf(symbol: string): string | undefined {
    return this.#values.get(symbol);
  }

  /** Why `got` is not what `want` says; `undefined` when it is. */
  mismatch(want: string, got: string): string | undefined {
    if (want === got) return undefined;
    const symbols = want.match(symbolPattern);
    if (symbols === null) return 'differs';
    const source = want
      .split(/<(?:uid|rv|gen)\d+>/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .reduce((all, part, i) => all + shapes[kindOf(symbols[i - 1] ?? '')] + part);
    const match = new RegExp(`^${source}$`, 's').exec(got);
    if (match === null) return 'differs';
    for (const [i, symbol] of symbols.entries()) {
      const why = this.#bind(symbol, match[i + 1] ?? '');
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #bind(symbol: string, value: string): string | undefined {
    const bound = this.#values.get(symbol);
    if (bound !== undefined) return bound === value ? undefined : `${symbol} was ${bound}`;
    const key = `${kindOf(symbol)}:${value}`;
    const other = this.#symbols.get(key);
    if (other !== undefined) return `expected a new ${symbol}, but this value is ${other}`;
    this.#values.set(symbol, value);
    this.#symbols.set(key, symbol);
    return undefined;
  }
}

function kindOf(symbol: string): string {
  return symbol.replace(/[<>\d]/g, '');
}
