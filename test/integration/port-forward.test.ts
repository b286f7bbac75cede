/** Port-forward and attach at the node's own server: real TLS and TCP, a fake engine. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type NodeServer, startNodeServer } from '../../agent/server/server.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import { type KeyPair, openPki, type Pki } from '../../apiserver/auth/pki.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { resetStatus } from '../../lib/spdy/frames.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import type { FakeProgram } from '../../runtime/fake/process.ts';
import type { ContainerSpec, Runtime } from '../../runtime/runtime.ts';
import { until } from '../e2e/until.ts';
import { Tunnel, tunnelProtocol } from '../harness/tunnel.ts';

const signal = new AbortController().signal;

/** So that a client that has gone is missed soon. */
const hastyClock: Clock = {
  now: systemClock.now,
  sleep: (ms, until) => systemClock.sleep(Math.min(ms, 100), until),
};

/** Echoes what it hears; ends by `end` with code 3. */
const listener: FakeProgram = async ({ stdin, size, print }) => {
  for await (const line of createInterface({ input: stdin! })) {
    if (line === 'end') return 3;
    print(line === 'size' ? `${size.columns}x${size.rows}` : `heard ${line}`);
  }
  return 0;
};

let directory: string;
let pki: Pki;
let serving: KeyPair;
let apiserver: KeyPair;
let runtime: Runtime;
let server: NodeServer;

// The addresses of fake pods lead nowhere; the network of the machine is there.
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1' },
  spec: { hostNetwork: true, containers: [{ name: 'main', image: 'app:1' }] },
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-forward-'));
  pki = await openPki(directory, systemClock);
  serving = await pki.leaf('node', { commonName: 'node-1', hosts: ['127.0.0.1'] });
  apiserver = await pki.leaf('api', { commonName: 'berth-apiserver' });
});

afterAll(() => rm(directory, { recursive: true }));

beforeEach(async () => {
  const engine = new FakeEngine({
    clock: systemClock,
    images: ['app:1'],
    programs: { listener },
  });
  runtime = engine.runtime('node-1');
  server = await startNodeServer({
    ...{ cert: serving.cert, key: serving.key, clientCa: pki.ca },
    ...{ host: '127.0.0.1', port: 0, log: silentLog, clock: hastyClock },
    machinesDir: '/nowhere',
    summary: () => Promise.reject(new Error('not asked for')),
    locate: (_resource, _namespace, name) =>
      name === 'web' ? { pod, runtime, id: 'u1' } : undefined,
  });
  await start();
});

afterEach(async () => {
  await server.close();
  await runtime.remove('u1', { signal, graceMs: 0 });
});

async function start(more: Partial<ContainerSpec> = {}): Promise<void> {
  const main: ContainerSpec = {
    ...{ name: 'main', attempt: 0, image: 'app:1', command: ['listener'], env: {} },
    ...{ tty: true, stdin: true, privileged: false, readOnlyRootFilesystem: false },
    ...{ ports: [], mounts: [], limits: {} },
    ...more,
  };
  const spec = { id: 'u1', namespace: 'default', name: 'web', hostname: 'web' } as const;
  await runtime.ensure({ ...spec, network: 'host', containers: [main] }, { signal });
}

const url = (path: string) => `wss://127.0.0.1:${server.port}${path}`;
const tls = () => ({ ca: pki.ca, cert: apiserver.cert, key: apiserver.key });
const openTunnel = () => new Tunnel(url('/portForward/default/web'), tls()).opened();

/** A server of the pod; `connections` are those that are open. */
async function listen(serve: (socket: Socket) => void) {
  const connections = new Set<Socket>();
  const listening: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = listening.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = () => {
    for (const socket of connections) socket.destroy();
    listening.close();
  };
  return { port, connections, close, [Symbol.dispose]: close };
}

async function freePort(): Promise<number> {
  const { port, close } = await listen(() => undefined);
  close();
  return port;
}

describe('port-forward as kubectl does it', () => {
  test('answers, ends and leaves nothing open', async () => {
    using echo = await listen((socket) => socket.pipe(socket));
    const tunnel = await openTunnel();
    const { error, data } = tunnel.forward(echo.port);
    tunnel.write(data, 'hello');
    await tunnel.until(() => tunnel.of(data).text === 'hello');
    expect(tunnel.of(data).replied).toBe(true);
    tunnel.write(data, ' and bye', true);
    expect(await tunnel.ended(data)).toMatchObject({ text: 'hello and bye', reset: undefined });
    expect(await tunnel.ended(error)).toMatchObject({ text: '' });
    await until('the connection has closed', () => echo.connections.size === 0);
    tunnel.send({ type: 'ping', id: 5 });
    await tunnel.until(() => tunnel.pongs.includes(5));
    tunnel.socket.close();
    await tunnel.closed;
  });

  test('twenty connections at once, ten megabytes in all, each to its own', async () => {
    using echo = await listen((socket) => socket.pipe(socket));
    const tunnel = await openTunnel();
    const chunk = 32 << 10;
    const all = Array.from({ length: 20 }, () => randomBytes(16 * chunk));
    const got = all.map(async (payload) => {
      const { data } = tunnel.forward(echo.port);
      for (let at = 0; at < payload.length; at += chunk) {
        tunnel.write(data, payload.subarray(at, at + chunk));
        await new Promise(setImmediate);
      }
      tunnel.write(data, '', true);
      const { text } = await tunnel.ended(data);
      return createHash('sha256').update(text, 'latin1').digest('hex');
    });
    const sent = all.map((each) => createHash('sha256').update(each).digest('hex'));
    expect(await Promise.all(got)).toEqual(sent);
    tunnel.socket.close();
  });

  test('a port that nobody listens on is told in words, and the others go on', async () => {
    using echo = await listen((socket) => socket.pipe(socket));
    const port = await freePort();
    const tunnel = await openTunnel();
    const { error, data } = tunnel.forward(port);
    tunnel.write(data, Buffer.alloc(900_000));
    expect((await tunnel.ended(error)).text).toBe(
      `error forwarding port ${port} to pod web, uid u1: failed to connect to 127.0.0.1:${port}: connection refused`,
    );
    expect((await tunnel.ended(data)).text).toBe('');
    const other = tunnel.forward(echo.port);
    tunnel.write(other.data, 'still here');
    await tunnel.until(() => tunnel.of(other.data).text === 'still here');
    tunnel.socket.close();
  });

  test('a client that resets a stream closes that connection only', async () => {
    using echo = await listen((socket) => socket.pipe(socket));
    const tunnel = await openTunnel();
    const [first, second] = [tunnel.forward(echo.port), tunnel.forward(echo.port)];
    await until('both are there', () => echo.connections.size === 2);
    tunnel.send({ type: 'reset', streamId: first.data, status: resetStatus.cancel });
    expect((await tunnel.ended(first.error)).text).toBe('');
    await until('one is left', () => echo.connections.size === 1);
    tunnel.write(second.data, 'x');
    await tunnel.until(() => tunnel.of(second.data).text === 'x');
    tunnel.socket.terminate();
    await until('none is left', () => echo.connections.size === 0);
  });

  test('a pod that cuts a connection cuts that one only', async () => {
    using rude = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const tunnel = await openTunnel();
    const { error, data } = tunnel.forward(rude.port);
    tunnel.write(data, 'x');
    expect((await tunnel.ended(data)).reset).toBe(resetStatus.cancel);
    expect((await tunnel.ended(error)).text).toBe('');
    tunnel.socket.close();
  });

  test('a pod that ends first still hears the rest', async () => {
    let heard = '';
    using half = await listen((socket) => {
      socket.end('bye');
      socket.on('data', (chunk) => {
        heard += chunk;
      });
    });
    const tunnel = await openTunnel();
    const { data } = tunnel.forward(half.port);
    expect((await tunnel.ended(data)).text).toBe('bye');
    tunnel.write(data, 'the rest', true);
    await until('it was heard', () => heard === 'the rest');
    await until('nothing is left', () => half.connections.size === 0);
    tunnel.socket.close();
  });

  test('a pod that does not read makes the client wait, and memory does not grow', async () => {
    const openSockets = () =>
      process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length;
    const socketsBefore = openSockets();
    using deaf = await listen((socket) => socket.pause());
    const tunnel = await openTunnel();
    const { data } = tunnel.forward(deaf.port);
    const before = process.memoryUsage().arrayBuffers;
    const payload = Buffer.alloc(512 << 10);
    const total = 100;
    let sent = 0;
    let isHeld = false;
    for (; sent < total && !isHeld; sent += 1) {
      tunnel.write(data, payload);
      const isTaken = () => tunnel.socket.bufferedAmount === 0;
      isHeld = await until('it is taken', isTaken, 2_000).then(
        () => false,
        () => true,
      );
    }
    expect(isHeld).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
    // Nothing tells of the client's end while nothing is read from it; only the pod's side may be left.
    tunnel.socket.terminate();
    await until('the node has let go', () => openSockets() === socketsBefore + 1);
  });

  test('streams that make no sense are refused', async () => {
    const tunnel = await openTunnel();
    const good = { streamtype: 'data', port: '80', requestid: '1' };
    for (const bad of [
      { ...good, streamtype: 'other' },
      { ...good, port: '0' },
      { ...good, port: '65536' },
      { ...good, port: 'http' },
      { streamtype: 'data', port: '80' },
    ]) {
      const id = tunnel.open(bad);
      expect((await tunnel.ended(id)).reset).toBe(resetStatus.protocolError);
    }
    tunnel.open(good);
    expect((await tunnel.ended(tunnel.open(good))).reset).toBe(resetStatus.protocolError);
    const crossed = tunnel.open({ ...good, streamtype: 'error', port: '81' });
    expect((await tunnel.ended(crossed)).reset).toBe(resetStatus.protocolError);
    tunnel.socket.close();
  });

  test('no more streams than can be held', async () => {
    const tunnel = await openTunnel();
    const ids = Array.from({ length: 1030 }, (_, index) =>
      tunnel.open({ streamtype: 'error', port: '80', requestid: String(index) }),
    );
    expect((await tunnel.ended(ids.at(-1)!)).reset).toBe(resetStatus.refusedStream);
    expect(ids.filter((id) => tunnel.of(id).replied)).toHaveLength(1024);
    tunnel.socket.close();
  });

  test('whoever does not speak the protocol is cut off, and nobody else', async () => {
    const tunnel = await openTunnel();
    const annoy = async (_: unknown, i: number) => {
      const noisy = await openTunnel();
      // Some of it looks right at first.
      const id = i % 3 === 0 ? noisy.open({ streamtype: 'error', port: '1', requestid: '1' }) : 0;
      const start = i % 2 === 0 ? [0x80, 3, 0, i % 10, 0, 0, 0, 20 + id] : [];
      noisy.socket.send(Buffer.concat([Buffer.from(start), randomBytes(4_000)]));
      noisy.socket.send(Buffer.of(0x80, 2, 0, 1, 0, 0, 0, 0));
      noisy.socket.send(randomBytes(100_000));
      setTimeout(() => noisy.socket.terminate(), 300);
      await noisy.closed;
    };
    await Promise.all(Array.from({ length: 30 }, annoy));
    tunnel.send({ type: 'ping', id: 1 });
    await tunnel.until(() => tunnel.pongs.includes(1));
    const wrong = await openTunnel();
    wrong.send({ type: 'synStream', streamId: 2, fin: false, block: Buffer.alloc(0) });
    expect(await wrong.closed).toBe(1002);
    tunnel.socket.close();
  });
});

/** Everything that came on each channel. */
class Channels {
  readonly received: Record<number, string> = {};
  readonly socket: WebSocket;
  readonly closed: Promise<number>;

  constructor(path: string, protocols: string[]) {
    this.socket = new WebSocket(url(path), protocols, tls());
    this.socket.on('message', (data: Buffer) => {
      const number = data[0]!;
      this.received[number] = (this.received[number] ?? '') + data.subarray(1).toString('latin1');
    });
    this.closed = new Promise((resolve, reject) => {
      this.socket.once('close', resolve);
      this.socket.once('error', reject);
    });
    this.closed.catch(() => undefined);
  }

  async send(number: number, data: string | Buffer): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await new Promise((resolve) => this.socket.once('open', resolve));
    }
    this.socket.send(Buffer.concat([Buffer.of(number), Buffer.from(data)]));
  }
}

describe('port-forward by plain messages', () => {
  const v4 = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
  const number = (port: number) => String.fromCharCode(port & 255, port >> 8);

  test('two ports, each on its channels, until both have ended', async () => {
    using echo = await listen((socket) => socket.pipe(socket));
    using once = await listen((socket) => socket.once('data', () => socket.end('only this')));
    const path = `/portForward/default/web?ports=${echo.port}&ports=${once.port}`;
    const session = new Channels(path, v4);
    await session.send(0, 'hello');
    await session.send(2, 'x');
    await until('both have answered', () => (session.received[2]?.length ?? 0) > 2);
    await until('hello came', () => session.received[0] === `${number(echo.port)}hello`);
    expect(session.socket.protocol).toBe('v4.channel.k8s.io');
    expect(session.received[2]).toBe(`${number(once.port)}only this`);
    expect([session.received[1], session.received[3]]).toEqual([
      number(echo.port),
      number(once.port),
    ]);
    for (const socket of echo.connections) socket.end();
    expect(await session.closed).toBe(1000);
  });

  test('a refused connection is told on its error channel', async () => {
    const port = await freePort();
    const session = new Channels(`/portForward/default/web?ports=${port}`, ['portforward.k8s.io']);
    expect(await session.closed).toBe(1000);
    expect(session.received[1]).toContain('connection refused');
  });

  test('a client that goes closes the connections', async () => {
    using echo = await listen((socket) => socket.pipe(socket));
    const session = new Channels(`/portForward/default/web?ports=${echo.port}`, v4);
    await until('it is there', () => echo.connections.size === 1);
    session.socket.terminate();
    await until('it is gone', () => echo.connections.size === 0);
  });

  test('refusals come before the upgrade', async () => {
    for (const [path, protocols] of [
      ['/portForward/default/web', v4],
      ['/portForward/default/web?ports=0', v4],
      ['/portForward/default/web?ports=a', v4],
      [`/portForward/default/web?${'ports=1&'.repeat(65)}`, v4],
      ['/portForward/default/web?ports=1', ['v1.channel.k8s.io']],
    ] as const) {
      await expect(new Channels(path, [...protocols]).closed).rejects.toThrow(/400/);
    }
    for (const path of ['/portForward/default/web/main', '/portForward/default/other']) {
      await expect(new Channels(`${path}?ports=1`, v4).closed).rejects.toThrow(/404/);
    }
    await runtime.stop('u1', { signal, graceMs: 0 });
    await expect(new Tunnel(url('/portForward/default/web'), tls()).closed).rejects.toThrow(/400/);
    expect(tunnelProtocol).toContain('/');
  });
});

describe('attach', () => {
  const v5 = ['v5.channel.k8s.io'];
  const path = '/attach/default/web/main?stdin=true&stdout=true&tty=true';

  test('talks with the container itself, resizes its terminal, and ends with it', async () => {
    const session = new Channels(path, v5);
    await session.send(4, '{"Width":120,"Height":40}');
    await session.send(0, 'one\nsize\n');
    await until('it has answered', () => session.received[1]?.includes('120x40'));
    await session.send(0, 'end\n');
    expect(await session.closed).toBe(1000);
    expect(session.received[1]).toBe('heard one\n120x40\n');
    // The exit code is in the pod's status, as upstream.
    expect(JSON.parse(session.received[3]!)).toEqual({ metadata: {}, status: 'Success' });
  });

  test('leaving is no end, unless the input is for one client', async () => {
    const leave = async () => {
      const session = new Channels(path, v5);
      await session.send(0, 'x\n');
      await until('it has answered', () => session.received[1] === 'heard x\n');
      await session.send(255, Buffer.of(0));
      session.socket.close();
      await session.closed;
    };
    const phase = async () =>
      (await runtime.get('u1', { signal }))?.containers[0]?.state.phase ?? 'gone';
    await leave();
    await leave();
    expect(await phase()).toBe('running');
    await start({ attempt: 1, stdinOnce: true });
    await leave();
    await until('it has ended', async () => (await phase()) === 'exited');
    await expect(new Channels(path, v5).closed).rejects.toThrow(/400/);
  });

  test('needs something to attach', async () => {
    await expect(new Channels('/attach/default/web/main', v5).closed).rejects.toThrow(/400/);
    await expect(new Channels(`${path.replace('main', 'x')}`, v5).closed).rejects.toThrow(/400/);
  });
});
