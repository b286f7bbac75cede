/** `--disk`: where a node keeps volumes, and what each of its disks can do. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { asMeasured, type DiskDeclaration } from '../../agent/disks/node-disks.ts';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import { usage } from '../failure.ts';

export const diskHelp =
  'where volumes lie: name=<name>,path=<dir>[,class=<class>][,capacity=<size>][,readIOPS=<n>]' +
  '[,writeIOPS=<n>][,readBPS=<size>][,writeBPS=<size>], each rate also "measured"; several times ' +
  'for several disks ' +
  '(default: name=local,class=local in the data directory, with 80 % of its file system)';

const rates = ['readIOPS', 'writeIOPS'] as const;
const amounts = ['capacity', 'readBPS', 'writeBPS'] as const;
const keys: readonly string[] = ['name', 'class', 'path', ...rates, ...amounts];
const nameForm = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** One more `--disk`; refuses what is wrong with it. Kept as it was written. */
export function addDisk(text: string, before: readonly string[] = []): readonly string[] {
  const disk = parseDisk(text);
  if (before.some((each) => parseDisk(each).name === disk.name)) {
    throw usage(`--disk: two disks are called "${disk.name}": give each a name of its own`);
  }
  const found = existsSync(disk.path) ? statSync(disk.path) : undefined;
  if (found?.isDirectory() !== true) {
    throw usage(
      `--disk name=${disk.name}: path ${disk.path} is no directory: mount the disk there, or make it`,
    );
  }
  return [...before, text];
}

/** Throws a usage error that names the part. */
export function parseDisk(text: string): DiskDeclaration {
  const parts = new Map<string, string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const key = part.slice(0, Math.max(0, at));
    if (!keys.includes(key)) {
      throw usage(`--disk knows no "${at < 0 ? part : key}": it takes ${keys.join(', ')}`);
    }
    if (parts.has(key)) throw usage(`--disk: ${key} is given twice`);
    parts.set(key, part.slice(at + 1));
  }
  const name = parts.get('name') ?? '';
  const path = parts.get('path') ?? '';
  if (name === '' || path === '') {
    throw usage(`--disk needs name and path: name=ssd,path=/srv/ssd, not "${text}"`);
  }
  const diskClass = parts.get('class') ?? name;
  for (const [key, word] of [
    ['name', name],
    ['class', diskClass],
  ]) {
    if (word === undefined || nameForm.test(word)) continue;
    throw usage(`--disk: ${key} must consist of lower-case letters, digits and "-", not "${word}"`);
  }
  if (!path.startsWith('/')) {
    throw usage(`--disk name=${name}: path must be absolute, not "${path}"`);
  }
  return {
    name,
    class: diskClass,
    path: resolve(path),
    ...Object.fromEntries(rates.flatMap((key) => rateOf(key, parts.get(key)))),
    ...Object.fromEntries(amounts.flatMap((key) => amountOf(key, parts.get(key)))),
  };
}

function rateOf(key: string, text: string | undefined): readonly [string, number | string][] {
  if (text === undefined) return [];
  if (text === asMeasured) return [[key, text]];
  if (/^[1-9]\d{0,8}$/.test(text)) return [[key, Number(text)]];
  throw usage(
    `--disk: ${key} must be a whole number of operations a second, or "measured", not "${text}"`,
  );
}

function amountOf(key: string, text: string | undefined): readonly [string, string][] {
  if (text === undefined) return [];
  const isRight = isQuantity(text) ? parseBytes(text) > 0n : text === asMeasured;
  if (isRight && !(key === 'capacity' && text === asMeasured)) return [[key, text]];
  throw usage(`--disk: ${key} must be a size as 100Gi, not "${text}"`);
}
