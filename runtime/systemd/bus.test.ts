import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collectGarbage, leftOn } from '../../test/harness/garbage.ts';
import { SystemdBus } from './bus.ts';

let directory: string;
let path: string;
let server: Server;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-bus-'));
  path = join(directory, 'bus');
  server = createServer();
  server.listen(path);
  await once(server, 'listening');
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

test.each([
  ['before it is greeted', async () => undefined],
  [
    'with a call under way',
    async (socket: Socket) => {
      socket.write('OK 0123456789abcdef0123456789abcdef\r\n');
      // The end of the greeting, and the call.
      await once(socket, 'data');
    },
  ],
  [
    'in the midst of a message',
    async (socket: Socket) => {
      socket.write('OK 0123456789abcdef0123456789abcdef\r\n');
      await once(socket, 'data');
      socket.write('l\x02\x01\x01');
    },
  ],
])(
  'a bus that ends %s is told of at once',
  async (_, before) => {
    server.on('connection', async (socket) => {
      await once(socket, 'data');
      await before(socket);
      socket.end();
    });
    const { signal } = new AbortController();
    await expect(SystemdBus.connect(path, { signal })).rejects.toMatchObject({
      reason: 'Unavailable',
      message: `systemd cannot be reached at ${path}: the connection to systemd was lost`,
    });
  },
  5_000,
);

test('nothing is left of an answer, nor of its call on a signal that lives on', async () => {
  server.on('connection', async (socket) => {
    await once(socket, 'data');
    socket.write('OK 0123456789abcdef0123456789abcdef\r\n');
    answerCalls(socket);
  });
  const { signal } = new AbortController();
  const bus = await SystemdBus.connect(path, { signal });
  const answers: WeakRef<object>[] = [];
  for (let i = 0; i < 20; i += 1) {
    answers.push(new WeakRef(await bus.call('ListUnits', '', [], { signal })));
  }
  await collectGarbage();
  expect(leftOn(signal)).toBe(0);
  // The newest may still be in somebody's hands.
  expect(answers.slice(0, 15).filter((each) => each.deref() !== undefined)).toEqual([]);
  bus.close();
});

/** Answers every call with one text. Source: D-Bus specification, message protocol. */
function answerCalls(socket: Socket): void {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    // What comes before the first message is the end of the greeting.
    if (received.includes('BEGIN\r\n')) {
      received = received.subarray(received.indexOf('BEGIN\r\n') + 'BEGIN\r\n'.length);
    }
    while (received.length >= 16) {
      const length = 16 + Math.ceil(received.readUInt32LE(12) / 8) * 8 + received.readUInt32LE(4);
      if (received.length < length) return;
      socket.write(answerTo(received.readUInt32LE(8)));
      received = received.subarray(length);
    }
  });
}

function answerTo(serial: number): Buffer {
  const answer = Buffer.from(
    `l\x02\x01\x01${'\0'.repeat(12)}\x05\x01u\0\0\0\0\0\x08\x01g\0\x01s\0\0${'\x02\0\0\0'}:1\0`,
    'latin1',
  );
  answer.writeUInt32LE(7, 4);
  answer.writeUInt32LE(serial, 8);
  answer.writeUInt32LE(15, 12);
  answer.writeUInt32LE(serial, 20);
  return answer;
}
