import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpsTransport } from './https-transport.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handler: http.RequestListener) {
  const server = http.createServer(handler);
  const sockets = new Set<object>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const transport = createHttpsTransport({
    server: `http://127.0.0.1:${port}/base/`,
    token: 'tok',
    headTimeoutMs: 200,
  });
  closers.push(() => {
    transport.close();
    server.closeAllConnections();
    server.close();
  });
  return { transport, sockets, connections: () => connections };
}

const signal = new AbortController().signal;

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('sends method, path, credentials and body, over a kept-alive connection', async () => {
  const { transport, connections } = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { method, url, headers } = request;
      response.end(`${method} ${url} ${headers.authorization} ${body}`);
    });
  });
  for (let i = 0; i < 3; i += 1) {
    const response = await transport({
      method: 'POST',
      path: '/api?x=1',
      headers: {},
      body: Buffer.from('hello'),
      signal,
    });
    expect(response.status).toBe(200);
    expect(await textOf(response.body)).toBe('POST /base/api?x=1 Bearer tok hello');
  }
  expect(connections()).toBe(1);
});

test('aborting frees the connection, before and after the head', async () => {
  const { transport, sockets } = await serve((request, response) => {
    if (request.url?.endsWith('/stream')) {
      response.write('first\n');
    }
  });
  const early = new AbortController();
  const never = transport({ method: 'GET', path: '/never', headers: {}, signal: early.signal });
  setTimeout(() => early.abort(), 20);
  await expect(never).rejects.toThrow();
  const late = new AbortController();
  const stream = await transport({
    method: 'GET',
    path: '/stream',
    headers: {},
    signal: late.signal,
  });
  await expect(
    (async () => {
      for await (const _chunk of stream.body) late.abort();
    })(),
  ).rejects.toThrow();
  await expect.poll(() => sockets.size).toBe(0);
});

test('a reader that stops early frees the connection', async () => {
  const { transport, sockets } = await serve((_request, response) => {
    response.write('first\n');
  });
  const { body } = await transport({ method: 'GET', path: '/', headers: {}, signal });
  for await (const _chunk of body) break;
  await expect.poll(() => sockets.size).toBe(0);
});

test('a head that does not come in time is an error', async () => {
  const { transport } = await serve(() => {});
  await expect(transport({ method: 'GET', path: '/', headers: {}, signal })).rejects.toThrow(
    'no response within 200 ms',
  );
});

test('a slow body is not', async () => {
  const { transport } = await serve((_request, response) => {
    response.flushHeaders();
    setTimeout(() => response.end('late'), 400);
  });
  const { body } = await transport({ method: 'GET', path: '/', headers: {}, signal });
  expect(await textOf(body)).toBe('late');
});
