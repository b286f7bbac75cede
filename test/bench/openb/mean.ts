/** Means as NumPy has them, which made the published table: the last bit decides how they are rounded. */

/** Rounded to hundredths. */
export function meanOf(values: readonly number[]): number {
  return hundredths(sumOf(values) / values.length);
}

export function hundredths(value: number): number {
  return roundHalfEven(value * 100) / 100;
}

export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Eight sums side by side, and long lists by halves. */
function sumOf(values: readonly number[]): number {
  if (values.length > 128) {
    const half = Math.floor(values.length / 2);
    const cut = half - (half % 8);
    return sumOf(values.slice(0, cut)) + sumOf(values.slice(cut));
  }
  const even = values.length - (values.length % 8);
  const sums = new Float64Array(8);
  for (let i = 0; i < even; i += 1) sums[i % 8] = (sums[i % 8] ?? 0) + (values[i] ?? 0);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = sums;
  const first = a + b + (c + d) + (e + f + (g + h));
  return values.slice(even).reduce((sum, value) => sum + value, first);
}
