/** What a backup holds beside the store: the files that make a plane the same plane again. */
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeSecret } from '../../apiserver/index.ts';
import {
  type Backup,
  BackupError,
  type BackupHeader,
  type BackupRecord,
  decodeBackup,
  encodeBackup,
} from '../../store/index.ts';
import { Failure } from '../failure.ts';
import type { PlanePaths } from './paths.ts';

/** No other file of a backup is ever written, whatever it says. */
const fileNames = /^(pki\/[\w.-]+\.(crt|key|pub)|tokens\.csv|agent\/node-id)$/;

/** Authority, certificates, tokens, and the id by which this machine's containers are known. */
export function identityFiles({ dataDir, pki }: PlanePaths): readonly BackupRecord[] {
  const certificates = existsSync(pki) ? readdirSync(pki).map((name) => `pki/${name}`) : [];
  return [...certificates, 'tokens.csv', 'agent/node-id']
    .filter((name) => fileNames.test(name) && existsSync(join(dataDir, name)))
    .map((name) => ({ type: 'file', name, value: readFileSync(join(dataDir, name)) }));
}

/** Writes the file in one step, readable by its owner only; returns how many bytes it has. */
export async function writeBackupFile(
  path: string,
  { header, records }: Backup,
  files: readonly BackupRecord[],
): Promise<number> {
  const all = async function* () {
    yield* files;
    yield* records;
  };
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(encodeBackup(header, all()), createWriteStream(draft, { mode: 0o600 }));
    const file = await open(draft, 'r+');
    await file.sync();
    const { size } = await file.stat();
    await file.close();
    await rename(draft, path);
    return size;
  } catch (error) {
    await rm(draft, { force: true });
    throw explained(path, error);
  }
}

/** Reads the file; what is wrong with it is a `Failure`. */
export async function readBackupFile(path: string): Promise<Backup> {
  try {
    return await decodeBackup(createReadStream(path));
  } catch (error) {
    throw explained(path, error);
  }
}

export interface Verified {
  readonly header: BackupHeader;
  /** Names of the files in it. */
  readonly files: readonly string[];
}

/** Reads all of the file and checks it; throws a `Failure` that says what is wrong. */
export async function verifyBackupFile(path: string): Promise<Verified> {
  const { header, records } = await readBackupFile(path);
  const files: string[] = [];
  try {
    for await (const { type, name } of records) {
      if (type === 'entry') continue;
      if (!fileNames.test(name))
        throw new BackupError(`it holds a file "${name}", which is none of ours`);
      files.push(name);
    }
  } catch (error) {
    throw explained(path, error);
  }
  return { header, files };
}

/** Puts the files of a backup into the data directory. */
export async function restoreFiles(path: string, { dataDir }: PlanePaths): Promise<void> {
  const { records } = await readBackupFile(path);
  for await (const { type, name, value } of records) {
    // Files come first.
    if (type === 'entry') break;
    const target = join(dataDir, name);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await writeSecret(target, Buffer.from(value).toString('utf8'));
    await chmod(target, 0o600);
  }
}

/** Turns a stream of bytes from the server into a backup. */
export function receivedBackup(body: AsyncIterable<Uint8Array>): Promise<Backup> {
  return decodeBackup(Readable.from(body, { objectMode: false }));
}

function explained(path: string, error: unknown): unknown {
  if (!(error instanceof BackupError)) return error;
  return new Failure(`${path} is no whole backup: ${error.message}`, { cause: error });
}
