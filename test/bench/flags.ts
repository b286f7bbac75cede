/** Flags and files of a benchmark: what is wrong with them is told in one line, with how it is called; exit code 2. */
export async function orUsage<T>(usage: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\nusage: ${usage}`);
    process.exit(2);
  }
}

/** A whole number of at least `least`; throws with the flag's name. */
export function wholeFlag(flag: string, text: string, least: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
  throw new Error(`--${flag} ${text}: must be a whole number, at least ${least}`);
}

/** One of the names, in any case; throws with all of them. */
export function nameFlag<T extends string>(flag: string, text: string, names: readonly T[]): T {
  const found = names.find((name) => name.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  throw new Error(`--${flag} ${text}: must be one of ${names.join(', ')}`);
}
