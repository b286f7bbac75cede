/** Modules of users' own dimensions: files of one directory. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PlanePaths } from './paths.ts';

/** Names are of files, never paths: the API lets nothing else through. */
export function moduleUrls({ dimensions }: Pick<PlanePaths, 'dimensions'>) {
  return (name: string): string => pathToFileURL(join(dimensions, name)).href;
}
