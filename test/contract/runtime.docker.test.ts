import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import { pauseImage } from '../../runtime/docker/pause-image.ts';
import type { ContainerSpec, InstanceSpec, Runtime } from '../../runtime/runtime.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';
import { runtimeContract } from './runtime.ts';
import { rest, shell, shellCommands, shellPrograms } from './shell.ts';

const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const signal = new AbortController().signal;
const run = promisify(execFile);

const open = (nodeId: string) =>
  createDockerRuntime({ nodeId, clock: systemClock, log: silentLog });

async function containersOf(nodeId: string): Promise<Docker.ContainerInfo[]> {
  const filters = { label: [`berth.dev/node=${nodeId}`] };
  return await docker.listContainers({ all: true, filters });
}

runtimeContract('docker', async () => {
  await loadBusyboxImage(docker);
  const networks = (await docker.listNetworks()).length;
  const volumes = (await docker.listVolumes()).Volumes.length;
  return {
    open,
    image: busyboxImage,
    programs: shellPrograms,
    commands: shellCommands,
    async leftovers(nodeId) {
      const left = (await containersOf(nodeId)).map((one) => one.Names.join());
      if ((await docker.listNetworks()).length > networks) left.push('a network');
      if ((await docker.listVolumes()).Volumes.length > volumes) left.push('a volume');
      return left;
    },
  };
});

describe('docker alone', () => {
  let nodeId: string;
  let runtime: Runtime;

  beforeEach(async () => {
    await loadBusyboxImage(docker);
    nodeId = `node-${randomUUID().slice(0, 8)}`;
    runtime = open(nodeId);
  });

  afterEach(async () => {
    for (const one of await containersOf(nodeId)) {
      await docker.getContainer(one.Id).remove({ force: true, v: true });
    }
  });

  const container = (script: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
    name: 'main',
    attempt: 0,
    image: busyboxImage,
    ...shell(script),
    env: {},
    tty: false,
    stdin: false,
    privileged: false,
    readOnlyRootFilesystem: false,
    ports: [],
    mounts: [],
    limits: {},
    ...more,
  });
  const spec = (...containers: ContainerSpec[]): InstanceSpec => ({
    id: randomUUID(),
    namespace: 'test',
    name: 'web',
    hostname: 'web',
    network: 'bridge',
    containers,
  });
  const ensure = (wanted: InstanceSpec) => runtime.ensure(wanted, { signal });
  const inspect = async (wanted: InstanceSpec, at = 0) => {
    const id = (await runtime.get(wanted.id, { signal }))!.containers[at]!.containerId;
    return await docker.getContainer(id.replace('docker://', '')).inspect();
  };
  const untilExited = async (id: string) => {
    for (let i = 0; i < 200; i += 1) {
      const state = (await runtime.get(id, { signal }))?.containers[0]?.state;
      if (state?.phase === 'exited') return state;
      await systemClock.sleep(50);
    }
    throw new Error('still running');
  };

  test('limits reach the cgroup', async () => {
    const limits = { cpuMilli: 250, cpuRequestMilli: 125, memoryBytes: 64n << 20n };
    const wanted = spec(container(rest, { limits }));
    await ensure(wanted);
    const pid = (await inspect(wanted)).State.Pid;
    const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
    const read = async (controller: string, file: string) => {
      const path = lines.find((line) => line.split(':')[1]?.split(',').includes(controller));
      const base = `/sys/fs/cgroup/${controller}`;
      return (await readFile(`${base}${path?.split(':')[2]}/${file}`, 'utf8')).trim();
    };
    if (existsSync('/sys/fs/cgroup/cgroup.controllers')) {
      expect(await read('', 'cpu.max')).toBe('25000 100000');
      expect(await read('', 'memory.max')).toBe(String(64 << 20));
      expect(await read('', 'memory.swap.max')).toBe('0');
    } else {
      expect(await read('cpu', 'cpu.cfs_quota_us')).toBe('25000');
      expect(await read('cpu', 'cpu.cfs_period_us')).toBe('100000');
      expect(await read('cpu', 'cpu.shares')).toBe('128');
      expect(await read('memory', 'memory.limit_in_bytes')).toBe(String(64 << 20));
    }
  });

  test('a log stays within its limits, and is read across its files', async () => {
    const logs = { maxBytes: 100_000, maxFiles: 3 };
    const options = { nodeId, clock: systemClock, log: silentLog, logs };
    const flood = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i"; done';
    const wanted = spec(container(flood));
    const limited = createDockerRuntime(options);
    await limited.ensure(wanted, { signal });
    await untilExited(wanted.id);
    const { LogPath } = await inspect(wanted);
    const sizes = ['', '.1', '.2', '.3'].map((end) =>
      existsSync(LogPath + end) ? statSync(LogPath + end).size : undefined,
    );
    // An entry is never cut: each file may end with one that reaches beyond the limit.
    for (const size of sizes.slice(0, 3)) expect(size).toBeLessThan(logs.maxBytes + 200);
    expect(sizes[3]).toBeUndefined();
    const read = { container: 'main', previous: false, follow: false, timestamps: false, signal };
    let text = '';
    for await (const { data } of limited.logs(wanted.id, read)) text += Buffer.from(data);
    const lines = text.trimEnd().split('\n');
    expect(lines.at(-1)).toBe('line 20000');
    expect(lines[0]).toBe(`line ${20_001 - lines.length}`);
    // An entry takes about 80 bytes: more than what one file holds.
    expect(lines.length).toBeGreaterThan(2 * (logs.maxBytes / 90));
  });

  test('one that looks into another sees its processes', async () => {
    const main = container(`sleep 4321 & ${rest}`);
    const beside = { processesOf: 'main' };
    const guest = { ...container('ps | grep -c "[s]leep 4321$"', { beside }), name: 'guest' };
    const wanted = spec(main);
    await ensure(wanted);
    await ensure({ ...wanted, containers: [main, guest], sharedNetwork: false });
    const options = {
      container: 'guest',
      previous: false,
      follow: true,
      timestamps: false,
      signal,
    };
    let text = '';
    for await (const { data } of runtime.logs(wanted.id, options)) text += Buffer.from(data);
    expect(text.trim()).toBe('1');
  });

  test('an instance out of memory says so', async () => {
    const hog = 'x=aaaaaaaaaaaaaaaa; while :; do x="$x$x"; done';
    const wanted = spec(container(hog, { limits: { memoryBytes: 16n << 20n } }));
    await ensure(wanted);
    expect(await untilExited(wanted.id)).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  test('what was created and never started is made anew', async () => {
    const wanted = spec(container(rest));
    const before = await ensure(wanted);
    const id = before.containers[0]!.containerId.replace('docker://', '');
    const { Config, Name } = await docker.getContainer(id).inspect();
    await docker.getContainer(id).remove({ force: true });
    const { Image, Labels } = Config;
    const half = await docker.createContainer({
      name: Name.slice(1),
      Image,
      Labels,
      Cmd: ['false'],
    });
    expect((await runtime.get(wanted.id, { signal }))?.containers[0]?.state.phase).toBe('created');
    const after = await ensure(wanted);
    expect(after.containers[0]?.state.phase).toBe('running');
    expect(after.containers[0]?.containerId).not.toContain(half.id);
  });

  test('a dead sandbox is made anew and its containers restart', async () => {
    const wanted = spec(container(rest, { name: 'a' }), container(rest, { name: 'b' }));
    await ensure(wanted);
    const sandbox = (await containersOf(nodeId)).find((one) => one.Image === pauseImage);
    await docker.getContainer(sandbox!.Id).kill();
    const cut = await ensure(wanted);
    expect(cut.containers.map((one) => one.state.phase)).toEqual(['exited', 'exited']);
    const containers = wanted.containers.map((one) => ({ ...one, attempt: 1 }));
    const healed = await ensure({ ...wanted, containers });
    expect(healed.containers.map((one) => one.state.phase)).toEqual(['running', 'running']);
    expect(healed.ips).toHaveLength(1);
    await runtime.remove(wanted.id, { signal, graceMs: 0 });
    expect(await containersOf(nodeId)).toEqual([]);
  });

  test('a shared network outlives its containers until the instance is stopped', async () => {
    const wanted = spec(container('exit 0', { name: 'a' }), container('exit 0', { name: 'b' }));
    await ensure(wanted);
    await untilExited(wanted.id);
    expect((await runtime.get(wanted.id, { signal }))?.ips).toHaveLength(1);
    await runtime.stop(wanted.id, { signal, graceMs: 0 });
    expect((await runtime.get(wanted.id, { signal }))?.ips).toEqual([]);
  });

  test('a network that cannot be made names no container', async () => {
    const taken = createServer().listen(28_124, '0.0.0.0');
    await once(taken, 'listening');
    const ports = [{ containerPort: 80, protocol: 'TCP' as const, hostPort: 28_124 }];
    const wanted = spec(container(rest, { name: 'a', ports }), container(rest, { name: 'b' }));
    const failures: { container?: string; message: string }[] = [];
    for (let i = 0; i < 2; i += 1) await ensure(wanted).catch((error) => failures.push(error));
    taken.close();
    expect(failures[0]).toMatchObject({ reason: 'StartFailed', container: undefined });
    // Nothing in it is new, so that whoever counts messages sees the same one.
    expect(failures[1]?.message).toBe(failures[0]?.message);
    expect(await containersOf(nodeId)).toEqual([]);
  });

  test('an engine that never answers is given up', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-docker-'));
    const socketPath = join(directory, 'docker.sock');
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => void sockets.add(socket)).listen(socketPath);
    const options = { nodeId, clock: systemClock, log: silentLog, socketPath };
    const hanging = createDockerRuntime(options);
    const soon = () => ({ signal: AbortSignal.timeout(100) });
    await expect(hanging.info(soon())).rejects.toThrow();
    await expect(hanging.list(soon())).rejects.toThrow();
    await expect(hanging.ensureImage(busyboxImage, 'Never', soon())).rejects.toThrow();
    await expect(hanging.ensureImage(busyboxImage, 'Always', soon())).rejects.toThrow();
    for (const socket of sockets) socket.destroy();
    mute.close();
    await rm(directory, { recursive: true });
  });

  test('publishes ports on the machine', async () => {
    const ports = [{ containerPort: 80, protocol: 'TCP' as const, hostPort: 28_123 }];
    const wanted = spec(container('exec nc -ll -p 80 -e echo pong', { ports }));
    await ensure(wanted);
    await systemClock.sleep(300);
    const { stdout } = await run('/bin/sh', ['-c', 'busybox nc -w 3 127.0.0.1 28123 </dev/null']);
    expect(stdout).toBe('pong\n');
  });

  test('the network of the machine', async () => {
    const wanted: InstanceSpec = { ...spec(container('ls /sys/class/net')), network: 'host' };
    const status = await ensure(wanted);
    expect(status.ips).toEqual([]);
    expect((await inspect(wanted)).HostConfig.NetworkMode).toBe('host');
  });

  test('logs of a terminal that look like JSON arrive as they are', async () => {
    const wanted = spec(container('echo "{}"', { tty: true }));
    await ensure(wanted);
    await untilExited(wanted.id);
    const options = {
      container: 'main',
      previous: false,
      follow: false,
      timestamps: false,
      signal,
    };
    let all = '';
    for await (const { data } of runtime.logs(wanted.id, options)) all += Buffer.from(data);
    expect(all).toBe('{}\r\n');
  });

  test('a read-only root', async () => {
    const wanted = spec(container('touch /x || exit 9', { readOnlyRootFilesystem: true }));
    await ensure(wanted);
    expect(await untilExited(wanted.id)).toMatchObject({ exitCode: 9 });
  });

  test('observe survives a broken connection and names everything again', async () => {
    const wanted = spec(container(rest));
    await ensure(wanted);
    const directory = await mkdtemp(join(tmpdir(), 'berth-docker-'));
    const socketPath = join(directory, 'docker.sock');
    const open = new Set<Socket>();
    const proxy = createServer((client) => {
      const engine = connect('/var/run/docker.sock');
      for (const socket of [client, engine]) {
        open.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => open.delete(socket));
      }
      client.pipe(engine).pipe(client);
    }).listen(socketPath);
    const options = { nodeId, clock: systemClock, log: silentLog, socketPath };
    const stop = new AbortController();
    let seen = 0;
    const observing = createDockerRuntime(options).observe({ signal: stop.signal });
    const subscription = observing.subscribe(() => {
      seen += 1;
    });
    const untilSeen = async (count: number) => {
      for (let i = 0; seen < count && i < 200; i += 1) await systemClock.sleep(25);
      expect(seen).toBe(count);
    };
    await untilSeen(1);
    for (const socket of open) socket.destroy();
    await untilSeen(2);
    stop.abort();
    subscription.unsubscribe();
    proxy.close();
    await rm(directory, { recursive: true });
  });

  test('an engine that is not there is unavailable', async () => {
    const socketPath = '/nonexistent/docker.sock';
    const absent = createDockerRuntime({ nodeId, clock: systemClock, log: silentLog, socketPath });
    await expect(absent.list({ signal })).rejects.toMatchObject({ reason: 'Unavailable' });
    await expect(absent.info({ signal })).rejects.toMatchObject({ reason: 'Unavailable' });
  });
});
