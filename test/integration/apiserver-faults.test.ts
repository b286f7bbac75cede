/** The store goes away and comes back; readers that do not read; a quick end. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { configMap, eventually, signal, startTestApi } from '../harness/apiserver.ts';

vi.setConfig({ testTimeout: 120_000 });

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
}, 120_000);

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
}, 120_000);

test('a watcher that does not read large objects is cut off long before the server is short of memory', async () => {
  const api = await startTestApi('embedded');
  try {
    const before = api.server.watches;
    const socket = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.pki.ca });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write(
      `GET ${at}?watch=1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin-token\r\n\r\n`,
    );
    socket.pause();
    await eventually(() => expect(api.server.watches).toBe(before + 1));
    const large = 'x'.repeat(500_000);
    let written = 0;
    while (api.server.watches > before) {
      const { status } = await api.call(
        'PUT',
        `${at}/large`,
        configMap('large', { large, n: `${written}` }),
      );
      if (status === 404) await api.call('POST', at, configMap('large'));
      written += 1;
      // What the queue holds, the batches on their way, and what sockets buffer.
      expect(written).toBeLessThan(300);
    }
    expect(written).toBeGreaterThan(60);
    socket.resume();
    await closed;
  } finally {
    await api.stop();
  }
}, 120_000);

test('a connection that resets requests without end is ended; others are served', async () => {
  const api = await startTestApi('embedded');
  try {
    const session = connectHttp2(api.url, { ca: api.pki.ca });
    session.on('error', () => undefined);
    const ended = new Promise((resolve) => session.once('close', resolve));
    for (let i = 0; i < 5_000 && !session.destroyed; i += 1) {
      const stream = session.request({ ':path': at, authorization: 'Bearer admin-token' });
      stream.on('error', () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    expect((await api.call('GET', at)).status).toBe(200);
  } finally {
    await api.stop();
  }
}, 120_000);

test('a connection whose upgrade is refused, or that is no HTTP, is closed', async () => {
  const api = await startTestApi('embedded');
  const open = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap');
  try {
    const before = open().length;
    const upgrade = 'GET /api/v1/namespaces/default/pods/x/exec HTTP/1.1\r\nhost: x\r\n';
    const token = 'authorization: Bearer admin-token\r\n';
    const requests = [
      [
        `${upgrade}${token}connection: upgrade\r\nupgrade: websocket\r\n\r\n${'x'.repeat(300_000)}`,
        '404',
      ],
      ['rubbish\r\n\r\n', '400'],
    ] as const;
    for (const [request, status] of requests) {
      const socket = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.pki.ca });
      socket.write(request);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toContain(`HTTP/1.1 ${status}`);
      socket.end();
      await once(socket, 'close');
    }
    await eventually(() => expect(open()).toHaveLength(before));
  } finally {
    await api.stop();
  }
});

test('headers without end are refused, over HTTP/2 and HTTP/1.1', async () => {
  const api = await startTestApi('embedded');
  const session = connectHttp2(api.url, { ca: api.pki.ca });
  session.on('error', () => undefined);
  try {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, 'y']));
    const long = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'y'.repeat(8_000)]),
    );
    for (const headers of [many, long]) {
      const outcome = await new Promise((resolve) => {
        const stream = session.request({ ...headers, ':path': '/livez' });
        stream.once('response', (answered) => resolve(answered[':status']));
        stream.once('error', () => resolve('refused'));
        stream.once('close', () => resolve('refused'));
      });
      expect(['refused', 431]).toContain(outcome);
    }
    const answer = await api.call('GET', '/livez', undefined, {
      headers: { x: 'y'.repeat(20_000) },
    });
    expect(answer.status).toBe(431);
    expect((await api.call('GET', '/livez')).status).toBe(200);
  } finally {
    session.destroy();
    await api.stop();
  }
}, 120_000);

test('a large list is compressed for who takes it, and the same', async () => {
  const api = await startTestApi('embedded');
  try {
    for (let i = 0; i < 4; i += 1)
      await api.call('POST', at, configMap(`large-${i}`, { x: `${i}`.repeat(50_000) }));
    const gzipped = { headers: { 'accept-encoding': 'gzip' } };
    const plain = await api.call('GET', at);
    expect([plain.headers['content-encoding'], plain.headers['vary']]).toEqual([
      undefined,
      'Accept-Encoding',
    ]);
    const packed = await api.call('GET', at, undefined, gzipped);
    expect([packed.headers['content-encoding'], packed.headers['vary']]).toEqual([
      'gzip',
      'Accept-Encoding',
    ]);
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 10);
    expect(gunzipSync(packed.bytes).toString()).toBe(plain.text);
    const small = await api.call('GET', `${at}/large-0`, undefined, gzipped);
    expect(small.headers['content-encoding']).toBeUndefined();
  } finally {
    await api.stop();
  }
});

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
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('bodies over HTTP/2 that nobody reads do not hold up their senders, also when the server is busy', async () => {
  const api = await startTestApi('embedded');
  const session = connectHttp2(api.url, { ca: api.pki.ca, maxSessionMemory: 100 });
  const turns = heldTurns();
  try {
    const ended = Array.from({ length: 16 }, (_, i) => {
      const { stream, ending } = unread(session);
      // Some read their answer when all is sent.
      if (i % 2 === 0) stream.pause();
      setTimeout(() => stream.resume(), 100);
      // Many times the window of a stream.
      stream.end(Buffer.alloc(3_500_000));
      return ending;
    });
    expect(new Set(await Promise.all(ended))).toEqual(new Set([404]));
    // With the windows that are usual, 1,700.
    expect(turns.count).toBeLessThan(600);
  } finally {
    turns.stop();
    session.destroy();
    await api.stop();
  }
});

test('a body over HTTP/2 that does not go on after its answer is given up', async () => {
  const api = await startTestApi('embedded');
  const session = connectHttp2(api.url, { ca: api.pki.ca });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { stream, ending } = unread(session);
    stream.write(Buffer.alloc(1_000));
    await new Promise((resolve) => stream.once('end', resolve));
    vi.advanceTimersByTime(59_000);
    expect((await api.call('GET', '/livez')).status).toBe(200);
    expect(stream.closed).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(await ending).toBe(404);
  } finally {
    vi.useRealTimers();
    session.destroy();
    await api.stop();
  }
});

/** A request whose body the server has no use for; `ending` is the status once the stream is closed. */
function unread(session: ClientHttp2Session) {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/api/v1/nothing',
    authorization: 'Bearer admin-token',
  });
  let status: unknown;
  stream.on('response', (head) => {
    status = head[constants.HTTP2_HEADER_STATUS];
  });
  stream.on('error', () => undefined);
  stream.resume();
  const ending = new Promise<unknown>((resolve) => stream.once('close', () => resolve(status)));
  return { stream, ending };
}

/** Every turn of the event loop takes as long as on a busy server. */
function heldTurns() {
  const turns = { count: 0, stop: () => clearImmediate(next) };
  const hold = () => {
    turns.count += 1;
    const untilMs = performance.now() + 5;
    while (performance.now() < untilMs);
    next = setImmediate(hold);
  };
  let next = setImmediate(hold);
  return turns;
}

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
