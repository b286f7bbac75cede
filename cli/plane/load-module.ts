/** Modules of users' own dimensions: files of one directory, read anew when they have changed. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DimensionModule } from '../../scheduler/extensions/askers.ts';
import type { PlanePaths } from './paths.ts';

/** Names are of files, never paths: the API lets nothing else through. */
export function moduleLoader({ dimensions }: Pick<PlanePaths, 'dimensions'>) {
  return (name: string): Promise<Partial<DimensionModule>> => importModule(join(dimensions, name));
}

/** Rejects where there is no such file, or it is no module. */
export async function importModule(path: string): Promise<Partial<DimensionModule>> {
  const { mtimeMs } = statSync(path);
  return await import(`${pathToFileURL(path).href}?changed=${mtimeMs}`);
}
