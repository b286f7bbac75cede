import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
