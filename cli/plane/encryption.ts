/** How objects are encrypted in the store, as a file says; the file is read again when it changes. */
import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { type EncryptionConfiguration, readEncryption } from '../../apiserver/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Failure, sentenceOf } from '../failure.ts';

const flag = '--encryption-provider-config';
/** How soon a change of the file is noticed. */
const lookEveryMs = 5_000;

/** Throws a `Failure` that names the field and the remedy, never a key. */
export function readEncryptionFile(path: string): EncryptionConfiguration {
  try {
    return readEncryption(parse(readFileSync(path, 'utf8'), { logLevel: 'error' }));
  } catch (error) {
    // A parser's message may quote the line, and that may be a key.
    const why = error instanceof TypeError || codeIn(error) ? sentenceOf(error) : 'is no YAML';
    throw new Failure(`${flag} ${path}: ${why}`, { cause: new Error(why) });
  }
}

/** Whether others than its owner may read the file, which holds the keys. */
export function isOpenToOthers(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0;
}

export interface FollowDeps {
  /** Throws where the new configuration cannot be used; the one before then holds. */
  readonly apply: (configuration: EncryptionConfiguration) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks until aborted. */
export async function followEncryption(
  path: string,
  { apply, clock, log }: FollowDeps,
  signal: AbortSignal,
): Promise<void> {
  let seen = textOf(path);
  while (!signal.aborted) {
    await clock.sleep(lookEveryMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const text = textOf(path);
    if (text === seen) continue;
    seen = text;
    try {
      await apply(readEncryptionFile(path));
      log.info({ path }, 'encryption configuration reloaded');
    } catch (error) {
      const fields = { path, reason: sentenceOf(error) };
      log.error(fields, 'encryption configuration not reloaded, the one before still holds');
    }
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // Being replaced, or gone: said when it is read.
  }
}

function codeIn(error: unknown): boolean {
  // Errors of YAML's parser have codes too, in capitals with underscores.
  return error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code));
}
