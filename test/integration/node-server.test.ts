import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type NodeServer, startNodeServer } from '../../agent/server/server.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import type { StatsSummary } from '../../api/stats-summary.ts';
import { type KeyPair, openPki, type Pki } from '../../apiserver/auth/pki.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { aborted, type FakeProgram, sleeper } from '../../runtime/fake/process.ts';
import type { ContainerSpec, Runtime } from '../../runtime/runtime.ts';

const signal = new AbortController().signal;
const v5 = 'v5.channel.k8s.io';

let directory: string;
let pki: Pki;
let serving: KeyPair;
let apiserver: KeyPair;
let stranger: KeyPair;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-node-server-'));
  pki = await openPki(directory, systemClock);
  serving = await pki.leaf('node', { commonName: 'node-1', hosts: ['127.0.0.1'] });
  apiserver = await pki.leaf('api', { commonName: 'berth-apiserver' });
  stranger = await pki.leaf('user', { commonName: 'alice', organizations: ['system:masters'] });
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const programs: Record<string, FakeProgram> = {
  printer: async (process) => {
    for (const line of ['one', 'two', 'three']) process.print(line);
    return await sleeper(process);
  },
  ticker: async ({ print }) => {
    print('tick');
    await systemClock.sleep(300);
    print('tock');
    return 0;
  },
  cat: async ({ stdin, print }) => {
    let all = '';
    for await (const chunk of stdin ?? []) all += chunk;
    print(all);
    return 0;
  },
  both: async ({ argv, print }) => {
    print(`out ${argv[1]}`);
    print('err', 'stderr');
    return 7;
  },
  size: async ({ stdin, size, print }) => {
    for await (const _ of stdin!) break;
    print(`${size.columns}x${size.rows}`);
    return 0;
  },
  forever: async ({ killed }) => {
    await aborted(killed);
    return 137;
  },
};

let engine: FakeEngine;
let runtime: Runtime;
let server: NodeServer;

beforeEach(async () => {
  engine = new FakeEngine({ clock: systemClock, images: ['app:1'], programs });
  runtime = engine.runtime('node-1');
  server = await startNodeServer({
    cert: serving.cert,
    key: serving.key,
    clientCa: pki.ca,
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
    clock: systemClock,
    machinesDir: '/nowhere',
    summary: async () => summary,
    locate: (resource, namespace, name) =>
      resource === 'pods' && namespace === 'default' && name === 'web'
        ? { pod, runtime, id: 'u1' }
        : undefined,
  });
});

afterEach(async () => {
  await server.close();
  await runtime.remove('u1', { signal, graceMs: 0 });
});

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1' },
  spec: { containers: [{ name: 'main', image: 'app:1' }] },
};

const summary: StatsSummary = {
  node: {
    nodeName: 'node-1',
    cpu: { time: '2026-01-01T00:00:00Z', usageCoreNanoSeconds: 5 },
    memory: { time: '2026-01-01T00:00:00Z', workingSetBytes: 7 },
  },
  pods: [],
};

async function start(program: string, attempt = 0): Promise<void> {
  const main: ContainerSpec = {
    name: 'main',
    attempt,
    image: 'app:1',
    command: [program],
    env: {},
    tty: false,
    stdin: false,
    privileged: false,
    readOnlyRootFilesystem: false,
    ports: [],
    mounts: [],
    limits: {},
  };
  const spec = { id: 'u1', namespace: 'default', name: 'web', hostname: 'web' } as const;
  await runtime.ensure({ ...spec, network: 'bridge', containers: [main] }, { signal });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(path: string, identity: Partial<KeyPair> = apiserver): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: server.port, path, ca: pki.ca, agent: false };
    const outgoing = request({ ...options, ...identity }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode ?? 0, body });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('access', () => {
  test('only for the apiserver', async () => {
    await start('printer');
    const path = '/containerLogs/default/web/main';
    await expect(get(path, {})).rejects.toThrow();
    expect((await get(path, stranger)).status).toBe(403);
    expect((await get(path)).status).toBe(200);
  });

  test('what is not there', async () => {
    expect((await get('/containerLogs/default/other/main')).status).toBe(404);
    expect((await get('/containerLogs/default/web/other')).status).toBe(400);
    expect((await get('/')).status).toBe(404);
    expect((await get('/exec/default/web/main?command=x')).status).toBe(400);
  });
});

describe('logs', () => {
  test('whole, tail, limit and timestamps', async () => {
    await start('printer');
    const log = async (query: string) =>
      (await get(`/containerLogs/default/web/main?${query}`)).body;
    expect(await log('')).toBe('one\ntwo\nthree\n');
    expect(await log('tailLines=1')).toBe('three\n');
    expect(await log('limitBytes=5')).toBe('one\nt');
    expect(await log('timestamps=true&tailLines=1')).toMatch(/^\d{4}-.*Z three\n$/);
    expect(await log('sinceTime=2100-01-01T00:00:00Z')).toBe('');
    expect(await log('sinceSeconds=3600')).toBe('one\ntwo\nthree\n');
  });

  test('follow until the end', async () => {
    await start('ticker');
    expect((await get('/containerLogs/default/web/main?follow=true')).body).toBe('tick\ntock\n');
  });

  test('previous', async () => {
    await start('printer');
    const path = '/containerLogs/default/web/main?previous=true';
    expect(await get(path)).toMatchObject({
      status: 400,
      body: expect.stringContaining('previous terminated container'),
    });
    await start('forever', 1);
    expect(await get(path)).toEqual({ status: 200, body: 'one\ntwo\nthree\n' });
  });

  test('of a container that never ran, and with bad options', async () => {
    expect(await get('/containerLogs/default/web/main')).toMatchObject({
      status: 400,
      body: expect.stringContaining('is waiting to start: ContainerCreating'),
    });
    expect((await get('/containerLogs/default/web/main?tailLines=x')).status).toBe(400);
  });
});

/** Everything that came on each channel, and how it ended. */
class Session {
  readonly received: Record<number, string> = {};
  readonly socket: WebSocket;
  readonly closed: Promise<number>;

  constructor(query: string, protocols: string[] = [v5]) {
    const { cert, key } = apiserver;
    this.socket = new WebSocket(
      `wss://127.0.0.1:${server.port}/exec/default/web/main?${query}`,
      protocols,
      { ca: pki.ca, cert, key },
    );
    this.socket.on('message', (data: Buffer) => {
      const number = data[0]!;
      this.received[number] = (this.received[number] ?? '') + data.subarray(1).toString('utf8');
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

  status(): unknown {
    return JSON.parse(this.received[3] ?? 'null');
  }
}

describe('exec', () => {
  beforeEach(() => start('forever'));

  test('both streams and the exit code, as kubectl reads it', async () => {
    const session = new Session('command=both&command=a%20b&stdout=true&stderr=true');
    expect(await session.closed).toBe(1000);
    expect(session.received[1]).toBe('out a b\n');
    expect(session.received[2]).toBe('err\n');
    expect(session.status()).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  });

  test('input that ends by the close channel', async () => {
    const session = new Session('command=cat&stdin=true&stdout=true');
    const payload = 'x'.repeat(50_000);
    for (let i = 0; i < 20; i += 1) await session.send(0, payload);
    await session.send(255, Buffer.of(0));
    expect(await session.closed).toBe(1000);
    expect(session.received[1]).toBe(`${payload.repeat(20)}\n`);
    expect(session.status()).toEqual({ metadata: {}, status: 'Success' });
  });

  test('resizing the terminal', async () => {
    const session = new Session('command=size&stdin=true&stdout=true&tty=true');
    await session.send(4, '{"Width":120,"Height":40}');
    await session.send(4, 'nonsense');
    await session.send(0, 'go');
    expect(await session.closed).toBe(1000);
    expect(session.received[1]).toBe('120x40\n');
  });

  test('an older client', async () => {
    const session = new Session('command=both&stdout=1', ['v4.channel.k8s.io']);
    await session.closed;
    expect(session.socket.protocol).toBe('v4.channel.k8s.io');
    expect(session.received[1]).toContain('out');
    expect(session.received[2]).toBeUndefined();
  });

  test('a missing command', async () => {
    const session = new Session('command=absent&stdout=true');
    await session.closed;
    expect(session.status()).toMatchObject({ details: { causes: [{ message: '126' }] } });
  });

  test('refusals come before the upgrade', async () => {
    for (const [query, protocols] of [
      ['stdout=true', [v5]],
      ['command=both', [v5]],
      ['command=both&stdout=true', ['v1.channel.k8s.io']],
    ] as const) {
      await expect(new Session(query, [...protocols]).closed).rejects.toThrow(/400/);
    }
    await runtime.stop('u1', { signal, graceMs: 0 });
    await expect(new Session('command=both&stdout=true').closed).rejects.toThrow(/400/);
  });

  test('a client that goes away leaves the container running', async () => {
    const session = new Session('command=forever&stdout=true');
    await new Promise((resolve) => session.socket.once('open', resolve));
    session.socket.terminate();
    await session.closed;
    const status = await runtime.get('u1', { signal });
    expect(status?.containers[0]?.state.phase).toBe('running');
  });
});
