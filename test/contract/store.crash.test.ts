import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEmbeddedStore, type Store } from '../../store/index.ts';
import { never, record, text } from '../harness/store.ts';

/** How many times the writer is killed; each time at another moment. */
const kills = 8;

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-crash-'));
});

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

test('kill -9 at any moment loses nothing acknowledged and leaves no half', {
  timeout: 120_000,
}, async () => {
  let from = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const acknowledged = await writeUntilKilled(from, 30 + kill * 23);
    expect(acknowledged.length).toBeGreaterThan(0);
    const store = await openEmbeddedStore(directory);
    await checkAcknowledged(store, acknowledged);
    await checkHistory(store);
    await store.close();
    from = Math.max(...acknowledged.map(({ number }) => number)) + 1;
  }
});

test('two processes never open one directory; the error names the holder', {
  timeout: 120_000,
}, async () => {
  const holder = startWriter(0);
  await holder.opened;
  await expect(openEmbeddedStore(directory)).rejects.toThrow(`pid ${holder.process.pid}`);
  holder.process.kill('SIGKILL');
  await holder.ended;
  const store = await openEmbeddedStore(directory);
  await expect(openEmbeddedStore(directory)).rejects.toThrow(`pid ${process.pid}`);
  await store.close();
  const again = await openEmbeddedStore(directory);
  await again.close();
  expect(readdirSync(directory).filter((name) => name.startsWith('lock'))).toEqual(['lock.mdb']);
});

test('a lock left by a reused pid or a broken write is taken over', async () => {
  const leftovers = [
    JSON.stringify({ pid: process.pid, started: '1', token: 'of a process long gone' }),
    '',
  ];
  for (const leftover of leftovers) {
    writeFileSync(join(directory, 'lock'), leftover);
    const store = await openEmbeddedStore(directory);
    await store.close();
  }
});

interface Acknowledged {
  readonly writer: string;
  readonly number: number;
  readonly revision: bigint;
}

function startWriter(from: number) {
  const script = join(import.meta.dirname, '../harness/store-writer.ts');
  const args = ['--import', 'tsx', script, directory, String(from)];
  const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  let output = '';
  const ended = new Promise<string>((resolve) => started.once('close', () => resolve(output)));
  const opened = new Promise<void>((resolve, reject) => {
    started.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      resolve();
    });
    started.once('close', () => reject(new Error('the writer ended')));
  });
  return { process: started, opened, ended };
}

async function writeUntilKilled(from: number, afterMs: number): Promise<readonly Acknowledged[]> {
  const writer = startWriter(from);
  await writer.opened;
  await sleep(afterMs);
  writer.process.kill('SIGKILL');
  const lines = (await writer.ended).split('\n').slice(1, -1);
  return lines.map((line) => {
    const [name = '', number = '', revision = '0'] = line.split(' ');
    return { writer: name, number: Number(number), revision: BigInt(revision) };
  });
}

/** Every acknowledged number is there, at its revision, under both keys. */
async function checkAcknowledged(store: Store, acknowledged: readonly Acknowledged[]) {
  expect(await store.revision(never)).toBeGreaterThanOrEqual(acknowledged.at(-1)?.revision ?? 0n);
  for (const { writer, number, revision: at } of acknowledged) {
    for (const half of ['a', 'b']) {
      const entry = await store.get(`${half}/${writer}`, { ...never, at });
      expect(entry?.modRevision).toBe(at);
      expect(text(entry?.value)?.split(' ')[0]).toBe(String(number));
    }
  }
}

/** Every revision of the whole history has both halves, and none is missing. */
async function checkHistory(store: Store) {
  const last = await store.revision(never);
  const watching = record(store, '', 1n);
  await watching.through(last);
  const sets = await watching.stop();
  expect(sets.map(({ revision }) => revision)).toEqual(
    Array.from({ length: Number(last) - 1 }, (_, i) => BigInt(i) + 2n),
  );
  for (const { changes } of sets) {
    const values = changes.map((change) => change.type === 'put' && text(change.entry.value));
    expect([values.length, new Set(values).size]).toEqual([2, 1]);
  }
}
