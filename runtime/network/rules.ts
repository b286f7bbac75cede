/** Single rules of iptables: made where they are not there, and those that stay written down, so that they can be made again. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';

export interface Rule {
  readonly table: 'nat' | 'filter';
  /** At the end of its chain, or at its beginning. */
  readonly how: '-A' | '-I';
  /** From the chain's name on. */
  readonly rule: readonly string[];
}

/** A reboot takes them with the rules. */
const stateDir = '/run/berth/rules';

/** True when it was not there. */
export async function ensureRule(
  { table, how, rule }: Rule,
  options: CallOptions,
): Promise<boolean> {
  const iptables = ['-w', '-t', table];
  const isThere = await run('iptables', [...iptables, '-C', ...rule], options).then(
    () => true,
    () => false,
  );
  if (!isThere) await run('iptables', [...iptables, how, ...rule], options);
  return !isThere;
}

/** Rules that are being made, by their text: whoever needs the same waits for it. */
const underWay = new Map<string, Promise<void>>();

/** As `ensureRule`, for what stays until the next reboot. One that is written down is looked after by `mendRules`. */
export function keepRule(rule: Rule, options: CallOptions): Promise<void> {
  const text = JSON.stringify(rule);
  const known = underWay.get(text);
  if (known !== undefined) return known;
  const made = makeKept(rule, text, options).finally(() => underWay.delete(text));
  underWay.set(text, made);
  return made;
}

async function makeKept(rule: Rule, text: string, options: CallOptions): Promise<void> {
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const path = join(stateDir, name);
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return;
  await mkdir(stateDir, { recursive: true });
  await writeFile(path, text);
  await ensureRule(rule, options);
}

export async function keptRules(): Promise<readonly Rule[]> {
  const names = await readdir(stateDir).catch(() => []);
  const texts = await Promise.all(
    names.map((name) => readFile(join(stateDir, name), 'utf8').catch(() => '')),
  );
  return texts.flatMap((text) => {
    try {
      // Written by `keepRule`.
      return [JSON.parse(text) as Rule];
    } catch {
      return []; // Just being written: the next look sees it.
    }
  });
}
