import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpAsker } from '../../scheduler/extensions/http-asker.ts';

const question = { need: 2, nodes: [{ name: 'n', labels: {}, capacity: {}, held: [] }] };

/** An asker of a server that answers so. */
async function askerOf(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asker = httpAsker(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  onTestFinished(async () => {
    await asker.close?.();
    server.closeAllConnections();
    server.close();
  });
  return asker;
}

const soon = () => AbortSignal.timeout(5_000);

describe('a program that is asked over HTTP', () => {
  it('gets the question, and its answer is told', async () => {
    const asker = await askerOf(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const asked = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      response.end(JSON.stringify({ path: request.url, method: request.method, asked }));
    });
    const protocol = 'berth.dev/dimension/v1';
    const expected = { path: '/v1/allocate', method: 'POST', asked: { protocol, ...question } };
    expect(await asker.ask(question, soon())).toEqual(expected);
  });

  it.each<[string, RequestListener, RegExp]>([
    [
      '500',
      (_, response) => response.writeHead(500).end('no seats file'),
      /^answered 500: no seats/,
    ],
    ['404', (_, response) => response.writeHead(404).end(), /^answered 404/],
    ['elsewhere', (_, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /302/],
    ['no JSON', (_, response) => response.end('<html>'), /^the answer is no JSON$/],
    ['nothing', (_, response) => response.end(), /^the answer is no JSON$/],
    ['a hang-up', (request) => request.socket.destroy(), /socket hang up|ECONNRESET/],
    ['too much', (_, response) => response.end('x'.repeat(17 * 1024 ** 2)), /longer than 16777216/],
  ])('fails the question by %s', async (_, listener, message) => {
    const asker = await askerOf(listener);
    await expect(asker.ask(question, soon())).rejects.toThrow(message);
  });

  it('is waited for no longer than the signal says', async () => {
    const asker = await askerOf(() => {});
    const ended = new AbortController();
    const asked = asker.ask(question, ended.signal);
    ended.abort(new Error('late'));
    await expect(asked).rejects.toThrow(/abort|late/);
  });

  it('cannot be asked where its address is none', async () => {
    const asker = httpAsker('http://[');
    await expect(asker.ask(question, soon())).rejects.toThrow(/is no URL/);
  });

  it('is not asked with authorities that are none', async () => {
    const asker = httpAsker('https://127.0.0.1:1', { ca: 'no PEM' });
    await expect(asker.ask(question, soon())).rejects.toThrow(/caBundle holds no certificate/);
  });
});
