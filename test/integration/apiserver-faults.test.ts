/** The store goes away and comes back; readers that do not read; a quick end. */
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { expect, test, vi } from 'vitest';
import { configMap, eventually, signal, startTestApi } from '../harness/apiserver.ts';

vi.setConfig({ testTimeout: 60_000 });

const at = '/api/v1/namespaces/default/configmaps';

test('an outage of etcd is 503 and not ready, and ends without a restart', async () => {
  const api = await startTestApi('etcd');
  try {
    await api.call('POST', at, configMap('before'));
    const watching = await api.watch(`${at}?watch=1`);
    await watching.atLeast(1);
    await api.etcd?.kill();
    const [write, read, list, ready] = await Promise.all([
      api.call('POST', at, configMap('during')),
      api.call('GET', `${at}/before`),
      api.call('GET', at),
      api.call('GET', '/readyz'),
    ]);
    for (const answer of [write, read, list]) {
      expect([answer.status, answer.body.reason]).toEqual([503, 'ServiceUnavailable']);
      expect(Number(answer.headers?.['retry-after'])).toBeGreaterThan(0);
    }
    expect([ready.status, ready.text]).toEqual([500, expect.stringContaining('[-]etcd failed')]);
    expect((await api.call('GET', '/livez')).status).toBe(200);
    expect((await api.call('GET', `${at}?resourceVersion=0`)).body.items).toHaveLength(1);
    await api.etcd?.start();
    await eventually(async () => expect((await api.call('GET', '/readyz')).status).toBe(200));
    await eventually(async () =>
      expect((await api.call('POST', at, configMap('after'))).status).toBe(201),
    );
    await eventually(() =>
      expect(watching.events.map(({ object }) => object.metadata.name)).toContain('after'),
    );
    watching.close();
  } finally {
    await api.stop();
  }
}, 60_000);

test('a watcher that does not read is cut off, and what it waited for is let go', async () => {
  const api = await startTestApi('embedded');
  try {
    const before = api.server.watches;
    const session = connectHttp2(api.url, { ca: api.pki.ca });
    session.on('error', () => undefined);
    const stream = session.request({
      [constants.HTTP2_HEADER_PATH]: `${at}?watch=1`,
      authorization: 'Bearer admin-token',
    });
    stream.on('error', () => undefined);
    stream.pause();
    await eventually(() => expect(api.server.watches).toBe(before + 1));
    await api.call('POST', at, configMap('busy', { x: 'x'.repeat(20_000) }));
    // More than its queue holds, after more than the connection takes.
    for (let batch = 0; batch < 110; batch += 1) {
      const then = Array.from({ length: 100 }, (_, i) => put(`${batch}-${i}`));
      await api.store.txn({ compare: [], then, otherwise: [] }, { signal });
    }
    await eventually(() => expect(api.server.watches).toBe(before));
    session.destroy();
  } finally {
    await api.stop();
  }
}, 60_000);

function put(name: string) {
  const value = Buffer.from(JSON.stringify(configMap(name, { x: 'x'.repeat(500) })));
  return { type: 'put', key: `core/configmaps/default/${name}`, value } as const;
}

test('stop is quick, with watches open', async () => {
  const api = await startTestApi('embedded');
  const watching = await api.watch(`${at}?watch=1`);
  const startedMs = performance.now();
  await api.stop();
  await watching.ended;
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});

test('a body over HTTP/2 that nobody reads does not hold up its sender', async () => {
  const api = await startTestApi('embedded');
  const session = connectHttp2(api.url, { ca: api.pki.ca });
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/api/v1/nothing',
      authorization: 'Bearer admin-token',
    });
    let status: unknown;
    stream.on('response', (head) => {
      status = head[constants.HTTP2_HEADER_STATUS];
    });
    stream.resume();
    stream.on('error', () => undefined);
    // More than the window of a stream.
    stream.end(Buffer.alloc(1_000_000));
    await new Promise((resolve) => stream.once('close', resolve));
    expect(status).toBe(404);
  } finally {
    session.destroy();
    await api.stop();
  }
});

test('a renewed certificate is shown to new connections, and watches go on', async () => {
  const api = await startTestApi('embedded');
  try {
    const watching = await api.watch(`${at}?watch=1`);
    const shown = () =>
      new Promise<string>((resolve, reject) => {
        const port = api.server.port;
        const socket = connectTls({ host: '127.0.0.1', port, ca: api.pki.ca }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await shown();
    const serving = await api.pki.leaf('next', { commonName: 'api', hosts: ['127.0.0.1'] });
    const agentClient = await api.pki.leaf('next-agent', { commonName: 'berth-apiserver' });
    api.server.renew({ serving, agentClient });
    expect(await shown()).not.toBe(before);
    await api.call('POST', at, configMap('after'));
    await watching.atLeast(1);
    watching.close();
  } finally {
    await api.stop();
  }
});
