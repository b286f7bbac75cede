import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Adoption, Adoptions } from './adoptions.ts';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-adoptions-'));
  path = join(dir, 'agent', 'adoptions.json');
});

afterEach(() => rmSync(dir, { recursive: true }));

const web: Adoption = {
  runtime: 'docker',
  target: 'c1',
  instance: 'uid-1',
  namespace: 'default',
  name: 'web',
  container: 'main',
  undo: { restart: 'always' },
};

test('what was adopted is known after a restart, by target and by instance', () => {
  Adoptions.load(path).adopt(web);
  const again = Adoptions.load(path);
  expect(again.find('docker', 'c1')).toEqual(web);
  expect(again.of('docker', 'uid-1')).toEqual([web]);
  expect(again.of('systemd')).toEqual([]);
  expect(again.of('docker', 'uid-2')).toEqual([]);
});

test('what was released stays so, until it is adopted again', () => {
  const adoptions = Adoptions.load(path);
  adoptions.adopt(web);
  adoptions.release(web);
  adoptions.release(web);
  expect(adoptions.find('docker', 'c1')).toBeUndefined();
  expect(Adoptions.load(path).isReleased('docker', 'c1')).toBe(true);
  expect(adoptions.isReleased('systemd', 'c1')).toBe(false);
  adoptions.adopt(web);
  expect(Adoptions.load(path).isReleased('docker', 'c1')).toBe(false);
});

test('what is forgotten is neither ours nor released', () => {
  const adoptions = Adoptions.load(path);
  adoptions.adopt(web);
  adoptions.forget(web);
  expect(Adoptions.load(path).of('docker')).toEqual([]);
  expect(adoptions.isReleased('docker', 'c1')).toBe(false);
});

test('a damaged file is told by name and not thrown away', () => {
  const damaged = join(dir, 'damaged.json');
  writeFileSync(damaged, '{"adop');
  expect(() => Adoptions.load(damaged)).toThrow(/damaged\.json is damaged/);
});
