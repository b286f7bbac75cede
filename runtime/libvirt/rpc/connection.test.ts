import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../lib/clock.ts';
import { until } from '../../../test/e2e/until.ts';
import { Connection } from './connection.ts';

const { signal } = new AbortController();
const keepaliveProgram = 0x6b65_6570;
const headerBytes = 28;
let directory: string;
let path: string;
let server: Server;
let clock: FakeClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-libvirt-'));
  path = join(directory, 'socket');
  clock = new FakeClock();
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

/** A libvirtd that answers the first `calls` with nothing, and pings where `pongs`; tells how many it had. */
async function serve({ calls, pongs }: { readonly calls: number; readonly pongs: boolean }) {
  const heard = { calls: 0, pings: 0 };
  const onMessage = (socket: Socket, message: Buffer) => {
    const isPing = message.readUInt32BE(4) === keepaliveProgram;
    heard[isPing ? 'pings' : 'calls'] += 1;
    if (isPing && pongs) {
      message.writeInt32BE(2, 12);
      socket.write(message);
    } else if (!isPing && heard.calls <= calls) {
      const reply = 1;
      message.writeInt32BE(reply, 16);
      const answer = Buffer.from(message.subarray(0, headerBytes));
      answer.writeUInt32BE(headerBytes);
      socket.write(answer);
    }
  };
  server = createServer((socket) => {
    let all = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      all = Buffer.concat([all, chunk]);
      while (all.length >= headerBytes && all.length >= all.readUInt32BE(0)) {
        const length = all.readUInt32BE(0);
        onMessage(socket, Buffer.from(all.subarray(0, length)));
        all = all.subarray(length);
      }
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return heard;
}

const silence = {
  reason: 'Unavailable',
  message: 'libvirt has not answered for 35 s; see systemctl status libvirtd',
};

/** Lets `seconds` pass, each ping heard before the next. */
async function pass(seconds: number, heard: { readonly pings: number }): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 5) {
    const before = heard.pings;
    await clock.advance(5_000);
    await until('the next ping', () => heard.pings > before);
  }
}

test('a libvirtd that hangs is given up, with whatever waits for it', async () => {
  const heard = await serve({ calls: 2, pongs: false });
  const connection = await Connection.open(path, 'qemu:///system', { signal, clock });
  const call = connection.call('CONNECT_GET_LIB_VERSION', undefined, { signal });
  call.catch(() => undefined);
  await until('it is asked', () => heard.calls === 3);
  await pass(30, heard);
  expect(connection.over).toBe(false);
  await clock.advance(5_000);
  await connection.closed;
  await expect(call).rejects.toMatchObject(silence);
  const late = connection.call('CONNECT_GET_LIB_VERSION', undefined, { signal });
  await expect(late).rejects.toMatchObject(silence);
});

test('one that never says a word cannot be reached', async () => {
  const heard = await serve({ calls: 0, pongs: false });
  const opening = Connection.open(path, 'qemu:///system', { signal, clock });
  opening.catch(() => undefined);
  await until('it is greeted', () => heard.calls === 1);
  await pass(30, heard);
  await clock.advance(5_000);
  const message = `libvirt cannot be reached at ${path}: ${silence.message}`;
  await expect(opening).rejects.toMatchObject({ ...silence, message });
});

test('one that takes long over a call, and is there, is waited for', async () => {
  const heard = await serve({ calls: 2, pongs: true });
  const connection = await Connection.open(path, 'qemu:///system', { signal, clock });
  const given = new AbortController();
  const call = connection.call('CONNECT_GET_LIB_VERSION', undefined, given);
  await pass(120, heard);
  expect(connection.over).toBe(false);
  given.abort(new Error('given up'));
  await expect(call).rejects.toThrow('given up');
  connection.close();
  await connection.closed;
});
