import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createFailoverTransport } from './failover-transport.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers with its name, or breaks every connection off once it has seen the request. */
async function start(
  name: string,
  breaks = false,
): Promise<{ url: string; seen: string[]; server: Server }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method}`);
    if (breaks) request.socket.destroy();
    else response.end(name);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address.
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
}

async function ask(
  transport: ReturnType<typeof createFailoverTransport>,
  method: 'GET' | 'POST' = 'GET',
): Promise<string> {
  const signal = new AbortController().signal;
  const { body } = await transport({ method, path: '/', headers: {}, signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('stays with one server, and turns to the next when nobody listens there any more', async () => {
  const [a, b] = [await start('a'), await start('b')];
  const switches: string[] = [];
  const transport = createFailoverTransport({
    servers: [a.url, b.url],
    onSwitch: (from, to) => switches.push(`${from} ${to}`),
  });
  expect([await ask(transport), await ask(transport)]).toEqual(['a', 'a']);
  a.server.closeAllConnections();
  await new Promise((resolve) => a.server.close(resolve));
  expect(await ask(transport)).toBe('b');
  expect(await ask(transport, 'POST')).toBe('b');
  expect(switches).toEqual([`${a.url} ${b.url}`]);
  transport.close();
});

test('a write that a server may have seen is not sent twice; the next request goes elsewhere', async () => {
  const [a, b] = [await start('a', true), await start('b')];
  const transport = createFailoverTransport({ servers: [a.url, b.url] });
  await expect(ask(transport, 'POST')).rejects.toThrow();
  expect([a.seen, b.seen]).toEqual([['POST'], []]);
  expect(await ask(transport, 'POST')).toBe('b');
  transport.close();
});

test('a read is asked of the next at once; with all gone the caller hears it', async () => {
  const [a, b] = [await start('a', true), await start('b')];
  const transport = createFailoverTransport({ servers: [a.url, b.url] });
  expect(await ask(transport)).toBe('b');
  transport.close();
  const none = createFailoverTransport({ servers: ['http://127.0.0.1:1', 'http://127.0.0.1:1'] });
  await expect(ask(none)).rejects.toThrow('ECONNREFUSED');
});

test('a write that no server has seen goes to the next at once', async () => {
  const b = await start('b');
  const transport = createFailoverTransport({ servers: ['http://127.0.0.1:1', b.url] });
  expect(await ask(transport, 'POST')).toBe('b');
  expect(b.seen).toEqual(['POST']);
  transport.close();
});
