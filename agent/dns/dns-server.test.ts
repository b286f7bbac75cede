import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import packet from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { collectGarbage, leftOn } from '../../test/harness/garbage.ts';
import { DnsServer } from './dns-server.ts';
import { createForward, framed } from './forward.ts';
import type { Known } from './zone.ts';

const local = '127.0.0.1';
let stop: AbortController;
let ended: Promise<void>;
let known: Known;
let upstream: Socket;
let server: DnsServer;

beforeEach(async () => {
  stop = new AbortController();
  known = { type: 'found', addresses: ['10.0.0.1'] };
  upstream = createSocket('udp4');
  await new Promise<void>((resolve) => upstream.bind(0, local, resolve));
  upstream.on('message', (message, from) => {
    const { id, questions } = packet.decode(message);
    const answers: packet.Answer[] = [{ type: 'A', name: 'example.com', data: '192.0.2.9' }];
    const answer = packet.encode({ type: 'response', id: id!, questions: questions!, answers });
    upstream.send(answer, from.port, from.address);
  });
  server = new DnsServer({
    find: async () => known,
    forward: createForward(upstream.address().port),
    clock: systemClock,
    log: silentLog,
    port: 0,
  });
  server.listenOn(local, () => [local]);
  ended = server.run(stop);
  await expect.poll(() => server.portOf(local)).toBeDefined();
});

afterEach(async () => {
  stop.abort();
  await ended;
  upstream.close();
});

const query = (name: string) =>
  packet.encode({ type: 'query', id: 9, questions: [{ type: 'A', name }] });

async function askUdp(name: string): Promise<packet.DecodedPacket> {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (answer) => resolve(packet.decode(answer)));
      socket.send(query(name), server.portOf(local)!, local);
    });
  } finally {
    socket.close();
  }
}

function askTcp(name: string): Promise<packet.DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.portOf(local)!, local);
    socket.on('error', reject);
    socket.on('connect', () => {
      // Cut where nobody would cut it.
      const bytes = framed(query(name));
      socket.write(bytes.subarray(0, 5));
      setImmediate(() => socket.write(bytes.subarray(5)));
    });
    socket.on('data', (data) => {
      resolve(packet.decode(data.subarray(2)));
      socket.destroy();
    });
  });
}

test('names of ours are answered, all others passed on', async () => {
  const ours = await askUdp('web.default.berth');
  expect(ours).toMatchObject({ id: 9, answers: [{ data: '10.0.0.1' }] });
  expect(await askUdp('example.com')).toMatchObject({ id: 9, answers: [{ data: '192.0.2.9' }] });
  expect(await askTcp('web.default.berth')).toMatchObject({ answers: [{ data: '10.0.0.1' }] });
});

test('what has too many addresses for UDP is answered by TCP', async () => {
  const addresses = Array.from({ length: 60 }, (_, index) => `10.0.0.${index}`);
  known = { type: 'found', addresses };
  expect(await askUdp('web.default.berth')).toMatchObject({ flag_tc: true, answers: [] });
  expect((await askTcp('web.default.berth')).answers).toHaveLength(60);
});

test('when nobody else can be asked, that is said, and noise does no harm', async () => {
  server.listenOn(local, () => []);
  expect(await askUdp('example.com')).toMatchObject({ rcode: 'SERVFAIL' });
  const socket = createSocket('udp4');
  socket.send(Buffer.from('noise'), server.portOf(local)!, local, () => socket.close());
  expect(await askUdp('web.default.berth')).toMatchObject({ answers: [{ data: '10.0.0.1' }] });
});

test('nothing is left of what was asked, however many ask for however long', async () => {
  await askUdp('example.com');
  const before = leftOn(stop.signal);
  for (let i = 0; i < 20; i += 1) await askUdp('example.com');
  expect(leftOn(stop.signal)).toBe(before);
});

test('a server that does not answer is given up, whatever is collected meanwhile', async () => {
  upstream.removeAllListeners('message');
  const [answer] = await Promise.all([askUdp('example.com'), collectGarbage()]);
  expect(answer).toMatchObject({ rcode: 'SERVFAIL' });
});

test('an address that others serve is refused, and taken when they are gone', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.2', resolve));
  const { port } = taken.address() as { port: number };
  const second = new DnsServer({
    find: async () => known,
    forward: createForward(),
    clock: systemClock,
    log: silentLog,
    port,
  });
  second.listenOn('127.0.0.2', () => []);
  expect(second.stateOf('127.0.0.2')).toBe('waiting');
  const running = second.run(stop);
  await expect.poll(() => second.stateOf('127.0.0.2')).toBe('refused');
  expect(second.isTaken('127.0.0.2')).toBe(true);
  expect(second.portOf('127.0.0.2')).toBeUndefined();
  await new Promise((resolve) => taken.close(resolve));
  await expect.poll(() => second.portOf('127.0.0.2'), { timeout: 5_000 }).toBe(port);
  stop.abort();
  await running;
});
