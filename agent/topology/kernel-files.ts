/** Files of the kernel that tell of hardware: what is not there, or says nothing, is `undefined` or empty. */
import { readdir, readFile } from 'node:fs/promises';

export async function textAt(path: string): Promise<string | undefined> {
  const text = (await readFile(path, 'utf8').catch(() => '')).trim();
  return text === '' ? undefined : text;
}

/** Machines say -1 for what they do not know. */
export async function numberAt(path: string): Promise<number | undefined> {
  const text = await textAt(path);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export async function namesAt(path: string): Promise<readonly string[]> {
  return (await readdir(path).catch(() => [])).sort();
}

/** Without the fields that are undefined. */
export function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  // The same fields, fewer of them.
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
