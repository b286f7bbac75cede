import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ensureDownloaded } from './disk-images.ts';

const options = { signal: new AbortController().signal };
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A server that gives half of `content`, and the rest when it is told; whoever asks later gets all at once. */
async function setup(content: Buffer) {
  const directory = await mkdtemp(join(tmpdir(), 'berth-images-'));
  ends.push(() => rm(directory, { recursive: true }));
  const asked: ServerResponse[] = [];
  const half = content.length / 2;
  const server = createServer((_, answer) => {
    if (asked.push(answer) === 1) answer.write(content.subarray(0, half));
    else answer.end(content);
  });
  server.listen(0, '127.0.0.1');
  ends.push(async () => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const download = { url: `http://127.0.0.1:${port}/`, checksum, path: join(directory, 'image') };
  return { directory, server, asked, download, rest: content.subarray(half) };
}

test('an image that two machines ask for at once is fetched once', async () => {
  const content = Buffer.alloc(1 << 16, 'image');
  const { directory, server, asked, download, rest } = await setup(content);
  const first = ensureDownloaded(download, options);
  await once(server, 'request');
  const second = ensureDownloaded(download, options);
  second.catch(() => undefined);
  const leaving = new AbortController();
  const third = ensureDownloaded(download, { signal: leaving.signal });
  leaving.abort(new Error('deleted'));
  await expect(third).rejects.toThrow('deleted');
  // Whoever asks at the same time would have asked by now.
  await new Promise((resolve) => setImmediate(resolve));
  asked[0]?.end(rest);
  await first;
  expect(await readFile(download.path)).toEqual(content);
  await second;
  expect(asked).toHaveLength(1);
  expect(await readdir(directory)).toEqual(['image']);
});
