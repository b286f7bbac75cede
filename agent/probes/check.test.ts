/** Checks against real servers of this machine. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Probe } from '../../api/kinds.gen.ts';
import { FakeClock, systemClock } from '../../lib/clock.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { makeCerts } from '../../test/harness/certs.ts';
import { checkProbe } from './check.ts';
import type { ContainerTarget } from './target.ts';

const { signal } = new AbortController();
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  // A TCP server's address is never a string.
  return (server.address() as AddressInfo).port;
}

const serve = (answer: RequestListener) => listen(createServer(answer));

function target(more: Partial<Container> = {}, address = '127.0.0.1'): ContainerTarget {
  const container = { name: 'main', image: 'app:1', ...more };
  return {
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [container] },
    },
    uid: 'u1',
    container,
    containerId: 'fake://1',
    startedAtMs: 0,
    address,
    runtime: new FakeEngine({ clock: systemClock }).runtime('node-1'),
  };
}

const check = (probe: Probe, at = target()) => checkProbe(probe, at, systemClock, { signal });

function gate() {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open: () => open() };
}

async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('httpGet', () => {
  test.each([
    [200, 'success'],
    [204, 'success'],
    [304, 'warning'],
    [399, 'warning'],
    [400, 'failure'],
    [404, 'failure'],
    [503, 'failure'],
  ])('%i: %s', async (status, type) => {
    const port = await serve((_, answer) => answer.writeHead(status).end());
    const outcome = await check({ httpGet: { port, path: '/' } });
    expect(outcome.type).toBe(type);
    if (outcome.type === 'failure') {
      expect(outcome.message).toBe(`HTTP probe failed with statuscode: ${status}`);
    }
  });

  test('says who asks, asks for the path with its query, and sends the headers', async () => {
    let seen: { url: string | undefined; headers: IncomingHttpHeaders } | undefined;
    const port = await serve((request, answer) => {
      seen = { url: request.url, headers: request.headers };
      answer.end();
    });
    const httpHeaders = [
      { name: 'X-Word', value: 'a' },
      { name: 'x-word', value: 'b' },
      { name: 'Host', value: 'app.example' },
    ];
    await check({ httpGet: { port, path: 'health?full=1', httpHeaders } });
    expect(seen?.url).toBe('/health?full=1');
    expect(seen?.headers).toMatchObject({
      'user-agent': 'kube-probe/1.36',
      accept: '*/*',
      connection: 'close',
      host: 'app.example',
      'x-word': 'a, b',
    });
    await check({ httpGet: { port, httpHeaders: [{ name: 'User-Agent', value: 'mine' }] } });
    expect(seen?.headers['user-agent']).toBe('mine');
    await check({ httpGet: { port, httpHeaders: [{ name: 'User-Agent', value: '' }] } });
    expect(seen?.headers['user-agent']).toBeUndefined();
  });

  test('follows redirects within the host, up to ten', async () => {
    const port = await serve(({ url = '' }, answer) => {
      const left = Number(url.slice(1));
      if (left === 0) answer.end('there');
      else answer.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(await check({ httpGet: { port, path: '/9' } })).toEqual({ type: 'success' });
    expect(await check({ httpGet: { port, path: '/11' } })).toMatchObject({
      type: 'failure',
      message: expect.stringContaining('stopped after 10 redirects'),
    });
  });

  test('a redirect to another host is a success with a warning, and is not followed', async () => {
    const location = 'http://other.invalid/';
    const port = await serve((_, answer) => answer.writeHead(302, { location }).end('gone'));
    expect(await check({ httpGet: { port } })).toEqual({
      type: 'warning',
      message: 'Probe terminated redirects, Response body: gone',
    });
  });

  test('reads no more of an endless answer than it needs', async () => {
    const port = await serve((_, answer) => {
      const more = () => {
        while (answer.write('x'.repeat(1000)));
        answer.once('drain', more);
      };
      more();
    });
    expect(await check({ httpGet: { port } })).toEqual({ type: 'success' });
  });

  test('HTTPS with any certificate', async () => {
    const certs = makeCerts();
    closing.push(() => certs.remove());
    const options = { cert: readFileSync(certs.cert), key: readFileSync(certs.key) };
    const port = await listen(createTlsServer(options, (_, answer) => answer.end()));
    expect(await check({ httpGet: { port, scheme: 'HTTPS' } })).toEqual({ type: 'success' });
    expect(await check({ httpGet: { port, scheme: 'HTTP' } })).toMatchObject({ type: 'failure' });
  });

  test('nobody there', async () => {
    const port = await closedPort();
    expect(await check({ httpGet: { port, path: '/x' } })).toEqual({
      type: 'failure',
      message: `Get "http://127.0.0.1:${port}/x": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });

  test('an answer that is not HTTP', async () => {
    const port = await listen(createTcpServer((socket) => socket.end('SSH-2.0-x\r\n')));
    expect(await check({ httpGet: { port } })).toMatchObject({ type: 'failure' });
  });

  test('no answer in time, by the clock it is given; the connection is closed', async () => {
    const clock = new FakeClock();
    const asked = gate();
    const closed = gate();
    const port = await serve((request) => {
      asked.open();
      request.on('close', closed.open);
    });
    const probe = { httpGet: { port }, timeoutSeconds: 5 };
    const checking = checkProbe(probe, target(), clock, { signal });
    await asked.promise;
    await clock.advance(4_999);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1);
    expect(await checking).toEqual({
      type: 'failure',
      message: `Get "http://127.0.0.1:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    });
    await closed.promise;
    expect(clock.sleeping).toBe(0);
  });

  test('a body that never ends within the time is a failure too', async () => {
    const clock = new FakeClock();
    const asked = gate();
    const port = await serve((_, answer) => {
      answer.write('x');
      asked.open();
    });
    const checking = checkProbe({ httpGet: { port } }, target(), clock, { signal });
    await asked.promise;
    await clock.advance(1_000);
    expect(await checking).toMatchObject({ type: 'failure' });
  });

  test('aborting ends it', async () => {
    const port = await serve(() => {});
    const stop = new AbortController();
    const clock = new FakeClock();
    const checking = checkProbe({ httpGet: { port } }, target(), clock, { signal: stop.signal });
    stop.abort(new Error('gone'));
    await expect(checking).rejects.toThrow('gone');
    expect(clock.sleeping).toBe(0);
  });
});

describe('ports and addresses', () => {
  test('a port by its name', async () => {
    const port = await serve((_, answer) => answer.end());
    const named = target({ ports: [{ name: 'http', containerPort: port }] });
    expect(await check({ httpGet: { port: 'http' } }, named)).toEqual({ type: 'success' });
    expect(await check({ tcpSocket: { port: 'http' } }, named)).toEqual({ type: 'success' });
    expect(await check({ tcpSocket: { port: String(port) } })).toEqual({ type: 'success' });
  });

  test('an unknown name counts for nothing', async () => {
    expect(await check({ httpGet: { port: 'web' } })).toEqual({
      type: 'error',
      message: "couldn't find port: web",
    });
  });

  test('a pod without an address counts for nothing, unless the host is named', async () => {
    const port = await serve((_, answer) => answer.end());
    const nowhere = target({}, '');
    expect(await check({ httpGet: { port } }, nowhere)).toMatchObject({ type: 'error' });
    const host = '127.0.0.1';
    expect(await check({ httpGet: { port, host } }, nowhere)).toEqual({ type: 'success' });
  });

  test('a host that is none, a probe that says nothing', async () => {
    const host = 'not a host';
    expect(await check({ httpGet: { port: 80, host } })).toMatchObject({ type: 'error' });
    expect(await check({})).toEqual({ type: 'error', message: 'missing probe handler' });
  });
});

describe('tcpSocket', () => {
  test('open and closed', async () => {
    const port = await listen(createTcpServer());
    expect(await check({ tcpSocket: { port } })).toEqual({ type: 'success' });
    const closed = await closedPort();
    expect(await check({ tcpSocket: { port: closed } })).toEqual({
      type: 'failure',
      message: `dial tcp 127.0.0.1:${closed}: connect: connection refused`,
    });
  });
});

describe('grpc', () => {
  function health(answer: (service: string, stream: ServerHttp2Stream) => void): Promise<number> {
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      expect(headers[':path']).toBe('/grpc.health.v1.Health/Check');
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => answer(Buffer.concat(chunks).subarray(7).toString(), stream));
    });
    return listen(server);
  }
  const respond = (stream: ServerHttp2Stream, status: number) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
  };

  test('serving or not, by service', async () => {
    const port = await health((service, stream) => respond(stream, service === 'bad' ? 2 : 1));
    expect(await check({ grpc: { port } })).toEqual({ type: 'success' });
    expect(await check({ grpc: { port, service: 'good' } })).toEqual({ type: 'success' });
    expect(await check({ grpc: { port, service: 'bad' } })).toEqual({
      type: 'failure',
      message: 'service unhealthy (responded with "NOT_SERVING")',
    });
  });

  test('a server without the health service', async () => {
    const port = await health((_, stream) => {
      const trailersOnly = { ':status': 200, 'grpc-status': '12', 'grpc-message': 'no%20such' };
      stream.respond(trailersOnly, { endStream: true });
    });
    expect(await check({ grpc: { port } })).toMatchObject({
      type: 'failure',
      message: expect.stringMatching(/does not implement the grpc health protocol.*no such/),
    });
  });

  test('nobody there, and no answer in time', async () => {
    const closed = await closedPort();
    expect(await check({ grpc: { port: closed } })).toMatchObject({
      type: 'failure',
      message: expect.stringContaining('connection refused'),
    });
    const clock = new FakeClock();
    const asked = gate();
    const port = await health(() => asked.open());
    const checking = checkProbe({ grpc: { port } }, target(), clock, { signal });
    await asked.promise;
    await clock.advance(1_000);
    expect(await checking).toMatchObject({
      type: 'failure',
      message: expect.stringContaining('did not complete within 1s'),
    });
  });
});
