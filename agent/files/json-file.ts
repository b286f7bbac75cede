/** A small file of JSON that the agent keeps from one life to the next. */
import { open, readFile, rename } from 'node:fs/promises';
import type { JsonValue } from '../../api/meta.ts';

/** `undefined` when it is not there; throws when it is damaged. */
export async function readJsonFile(path: string): Promise<JsonValue | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // File errors carry a code.
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is damaged`, { cause: error });
  }
}

/** All of it or nothing, also when the power goes. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
