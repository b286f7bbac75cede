/**
 * Writes every generated file from `crds/**\/*.yaml`. With `--check` it writes nothing, and exits 1
 * naming the files that are not what the sources say.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindsFile } from './generate/kinds.ts';
import { resourcesFile } from './generate/resources.ts';
import { readSources } from './generate/sources.ts';
import { typesFile } from './generate/types.ts';

const root = join(import.meta.dirname, '..');
const sources = readSources(join(root, 'crds'));

const files: Readonly<Record<string, string>> = {
  'crds/kinds.gen.ts': kindsFile(sources),
  'api/kinds.gen.ts': await typesFile(sources),
  'api/resources.gen.ts': resourcesFile(sources),
};

const stale = Object.entries(files).filter(([path, text]) => {
  const absolute = join(root, path);
  return !existsSync(absolute) || readFileSync(absolute, 'utf8') !== text;
});

if (process.argv.includes('--check')) {
  for (const [path] of stale)
    process.stderr.write(`${path} is stale: run npx tsx scripts/generate.ts\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [path, text] of stale) writeFileSync(join(root, path), text);
  process.stdout.write(stale.map(([path]) => `wrote ${path}\n`).join(''));
}
