import type { LogChunk } from '../runtime.ts';

const headerBytes = 8;

/**
 * Takes apart the engine's framing of two streams in one: a byte for the stream (1 stdout, 2 stderr),
 * three zeros, four bytes of length. With a terminal there is no framing and everything is stdout.
 */
export async function* demux(
  source: AsyncIterable<Uint8Array>,
  tty: boolean,
): AsyncGenerator<LogChunk> {
  if (tty) {
    for await (const data of source) yield { stream: 'stdout', data };
    return;
  }
  let header = Buffer.alloc(0);
  let stream: LogChunk['stream'] = 'stdout';
  let remaining = 0;
  for await (const chunk of source) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (remaining > 0) {
        const data = rest.subarray(0, remaining);
        rest = rest.subarray(data.length);
        remaining -= data.length;
        yield { stream, data };
        continue;
      }
      const missing = headerBytes - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length < headerBytes) continue;
      stream = header[0] === 2 ? 'stderr' : 'stdout';
      remaining = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
}
