import { open } from 'node:fs/promises';

/** A power cut must not leave the name without the data. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
