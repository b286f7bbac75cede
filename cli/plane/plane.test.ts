import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogFile } from '../log-file.ts';
import { engineRemedy, probeEngine } from '../node/docker-engine.ts';
import { readVersion } from '../version.ts';
import {
  absoluteStore,
  differences,
  loadConfig,
  type PlaneConfig,
  resolveConfig,
  saveConfig,
  serverUrl,
} from './config.ts';
import { planePaths } from './paths.ts';
import { holdPidFile, isAlive, readPidFile, releasePidFile, startOf } from './pid-file.ts';
import { nextFreePort, portInUse, portOwner, probePort } from './ports.ts';

let dir: string;
const config: PlaneConfig = {
  host: '127.0.0.1',
  port: 6443,
  store: 'embedded:/x/store',
  agent: true,
  nodeName: 'n1',
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-plane-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('configuration', () => {
  it('prefers flags to what is stored, and that to the defaults', () => {
    const paths = planePaths(dir);
    const stored = { port: 7000, store: 'etcd://a:1', storeCa: '/ca' };
    expect(resolveConfig(paths, {}, undefined)).toMatchObject({
      port: 6443,
      store: `embedded:${dir}/store`,
      agent: true,
    });
    expect(resolveConfig(paths, { port: 8000 }, stored)).toMatchObject({
      port: 8000,
      store: 'etcd://a:1',
      storeCa: '/ca',
    });
  });

  it('drops certificates together with the store they were for', () => {
    const stored = { store: 'etcd://a:1', storeCa: '/ca' };
    const next = resolveConfig(planePaths(dir), { store: 'etcd://b:1' }, stored);
    expect(next).not.toHaveProperty('storeCa');
  });

  it('survives a restart, private to its owner', () => {
    const paths = planePaths(dir);
    expect(loadConfig(dir)).toBeUndefined();
    saveConfig(paths, config);
    expect(loadConfig(dir)).toEqual(config);
    expect(statSync(paths.config).mode & 0o777).toBe(0o600);
    writeFileSync(paths.config, '{"port":');
    expect(() => loadConfig(dir)).toThrow(/is damaged: remove it/);
  });

  it('tells what a running plane does differently', () => {
    expect(differences({ port: 6443 }, config)).toEqual([]);
    expect(differences({ port: 1, agent: false }, config)).toEqual([
      'port 6443 (not 1)',
      'agent true (not false)',
    ]);
  });

  it('makes URLs that work from anywhere', () => {
    expect(absoluteStore('embedded:a')).toBe(`embedded:${process.cwd()}/a`);
    expect(absoluteStore('embedded:')).toBe('embedded:');
    expect(absoluteStore('etcd://a:1')).toBe('etcd://a:1');
    expect(serverUrl('0.0.0.0', 1)).toBe('https://127.0.0.1:1');
    expect(serverUrl('::1', 1)).toBe('https://[::1]:1');
  });
});

describe('the pid file', () => {
  const holder = { startedAtMs: 0, version: '1', config };

  it('is held by one living process and released by it', () => {
    const path = join(dir, 'berth.pid');
    expect(readPidFile(path)).toBeUndefined();
    holdPidFile(path, holder);
    expect(readPidFile(path)).toMatchObject({ pid: process.pid, config });
    expect(() => holdPidFile(path, holder)).toThrow(
      new RegExp(`process ${process.pid} already runs Berth.*berth down`),
    );
    releasePidFile(path);
    expect(readPidFile(path)).toBeUndefined();
  });

  it.each([
    ['of a dead process', { ...holder, pid: 2 ** 22 + 1, started: '1' }],
    ['of a pid that was given to another', { ...holder, pid: process.pid, started: '1' }],
    ['that is damaged', 'not an object'],
  ])('%s is taken over', (_, left) => {
    const path = join(dir, 'berth.pid');
    writeFileSync(path, JSON.stringify(left));
    expect(readPidFile(path)).toBeUndefined();
    holdPidFile(path, holder);
    expect(readPidFile(path)?.started).toBe(startOf(process.pid));
  });

  it('knows our own process', () => {
    expect(isAlive({ pid: process.pid, started: startOf(process.pid) ?? '' })).toBe(true);
    expect(isAlive({ pid: process.pid, started: '1' })).toBe(false);
  });
});

describe('the log file', () => {
  it('keeps one old file when it grows too large', () => {
    const path = join(dir, 'berth.log');
    const log = openLogFile(path, 10);
    for (const line of ['first line\n', 'second line\n', 'third\n']) log.write(line);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('second line\n');
    expect(readFileSync(path, 'utf8')).toBe('third\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('goes on where it was', () => {
    const path = join(dir, 'berth.log');
    openLogFile(path, 10).write('first line\n');
    openLogFile(path, 10).write('second\n');
    expect(readFileSync(path, 'utf8')).toBe('second\n');
  });
});

describe('ports', () => {
  it('says who has one and which is free', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    try {
      expect(await probePort('127.0.0.1', port)).toBe('EADDRINUSE');
      expect(portOwner(port)?.pid).toBe(process.pid);
      const free = await nextFreePort('127.0.0.1', port);
      expect(free).toBeGreaterThan(port);
      const { message } = await portInUse('127.0.0.1', port);
      expect(message).toMatch(new RegExp(`port ${port} .* in use by .*pid ${process.pid}.*--port`));
    } finally {
      server.close();
    }
  });
});

describe('the Docker engine', () => {
  it('that is absent comes with a remedy', async () => {
    const probe = await probeEngine(join(dir, 'docker.sock'));
    expect(probe.type).toBe('absent');
    expect(engineRemedy(probe)).toMatch(/apt-get install docker.io/);
  });

  it('that has ended is not taken for absent', async () => {
    const path = join(dir, 'docker.sock');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    const closed = new Promise((resolve) => server.once('close', resolve));
    server.on('connection', (socket) => socket.destroy());
    expect((await probeEngine(path)).type).toBe('failing');
    server.close();
    await closed;
  });
});

describe('the version', () => {
  it('is a Kubernetes version that names our own', () => {
    const { berth, info } = readVersion();
    expect(berth).toMatch(/^\d+\.\d+\.\d+/);
    expect(info).toMatchObject({ major: '1', minor: '36' });
    expect(info.gitVersion).toBe(`v1.36.0+berth.${berth}`);
  });
});
