import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { identityFiles } from './backup-file.ts';
import { planePaths } from './paths.ts';

test('all that makes a plane the same one is in a backup with keys', () => {
  const paths = planePaths(mkdtempSync(join(tmpdir(), 'berth-backup-')));
  mkdirSync(paths.pki);
  const files = ['pki/ca.crt', 'pki/ca.key', 'pki/sa.key', 'pki/sa.pub', 'tokens.csv'];
  for (const name of [...files, 'pki/ca.key.1.tmp']) writeFileSync(join(paths.dataDir, name), name);
  const kept = identityFiles(paths).flatMap((each) => (each.type === 'file' ? [each.name] : []));
  expect(kept.sort()).toEqual(files);
  rmSync(paths.dataDir, { recursive: true });
});
