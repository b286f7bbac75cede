import { expect, test } from 'vitest';
import { demux } from './demux.ts';

function frame(stream: 1 | 2, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

async function read(chunks: readonly Buffer[], tty = false) {
  const all = { stdout: '', stderr: '' };
  async function* source() {
    yield* chunks;
  }
  for await (const { stream, data } of demux(source(), tty)) all[stream] += Buffer.from(data);
  return all;
}

const whole = Buffer.concat([frame(1, 'one'), frame(2, 'oops'), frame(1, ''), frame(1, 'two')]);

test.each([1, 2, 3, 7, 8, 9, 100])('in pieces of %i bytes', async (size) => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
  expect(await read(pieces)).toEqual({ stdout: 'onetwo', stderr: 'oops' });
});

test('a terminal has no frames', async () => {
  expect(await read([whole], true)).toEqual({ stdout: whole.toString('utf8'), stderr: '' });
});
