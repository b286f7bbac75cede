import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kindsFile } from '../scripts/generate/kinds.ts';
import { resourcesFile } from '../scripts/generate/resources.ts';
import { readSources } from '../scripts/generate/sources.ts';
import { typesFile } from '../scripts/generate/types.ts';

const root = join(import.meta.dirname, '..');
const sources = readSources(import.meta.dirname);
const onDisk = (path: string) => readFileSync(join(root, path), 'utf8');

describe('generated files say what the sources say (else: npx tsx scripts/generate.ts)', () => {
  it('crds/kinds.gen.ts', () => {
    expect(kindsFile(sources) === onDisk('crds/kinds.gen.ts')).toBe(true);
  });

  it('api/resources.gen.ts', () => {
    expect(resourcesFile(sources)).toBe(onDisk('api/resources.gen.ts'));
  });

  it('api/kinds.gen.ts', async () => {
    expect((await typesFile(sources)) === onDisk('api/kinds.gen.ts')).toBe(true);
  });
});
