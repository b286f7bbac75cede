/** Containers of a real engine that somebody else started, taken over and given back. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { Adoptions } from '../../runtime/adoptions.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { until } from '../e2e/until.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';

const signal = new AbortController().signal;
const docker = (...args: readonly string[]) =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const names: string[] = [];
const dir = mkdtempSync(join(tmpdir(), 'berth-adopt-'));
const ledger = join(dir, 'adoptions.json');

const runtime = (): Runtime =>
  createDockerRuntime({
    nodeId: 'adopting',
    clock: systemClock,
    log: createLog('error'),
    adoptions: Adoptions.load(ledger),
  });

function start(name: string, ...flags: readonly string[]): string {
  names.push(name);
  const command = ['sh', '-c', 'echo hello; trap "exit 0" TERM; sleep 1000 & wait'];
  return docker('run', '-d', '--name', name, ...flags, busyboxImage, ...command);
}

const stateOf = (id: string) =>
  docker('inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}', id);
const policyOf = (id: string) => docker('inspect', '-f', '{{.HostConfig.RestartPolicy.Name}}', id);

beforeAll(() => loadBusyboxImage());

afterAll(() => {
  for (const name of names) docker('rm', '-f', name);
  rmSync(dir, { recursive: true });
});

test('a running container is described, adopted, seen after a restart, and given back as it was', async () => {
  const id = start('berth-adopt-1', '--restart', 'always', '-e', 'A=1', '--memory', '64m');
  const before = stateOf(id);
  const first = runtime();
  const found = await first.adopting?.describe('berth-adopt-1', { signal });
  if (found === undefined || !('spec' in found)) throw new Error('it is described as no pod');
  const { target, spec, lacking } = found;
  expect(target).toBe(id);
  expect(lacking).toEqual([]);
  expect(spec).toMatchObject({
    restartPolicy: 'Always',
    containers: [
      {
        name: 'berth-adopt-1',
        image: busyboxImage,
        env: [{ name: 'A', value: '1' }],
        resources: { limits: { memory: String(64 << 20) } },
      },
    ],
  });
  const adopter = { instance: 'uid-a', namespace: 'default', name: 'web', container: 'main' };
  await first.adopting?.adopt(target, adopter, { signal });
  await first.adopting?.adopt(target, adopter, { signal });
  expect(policyOf(id)).toBe('no');

  // As an agent that starts again.
  const second = runtime();
  const status = await second.get('uid-a', { signal });
  expect(status).toMatchObject({
    namespace: 'default',
    name: 'web',
    containers: [{ name: 'main', attempt: 0, state: { phase: 'running' } }],
  });
  expect((await second.list({ signal })).map((each) => each.id)).toContain('uid-a');
  const usage = await second.stats({ signal });
  expect(usage.find((each) => each.id === 'uid-a')?.containers).toHaveLength(1);
  const log: string[] = [];
  const ask = { container: 'main', previous: false, follow: false, timestamps: false, signal };
  for await (const { data } of second.logs('uid-a', ask)) log.push(Buffer.from(data).toString());
  expect(log.join('')).toBe('hello\n');
  await expect(second.adopting?.describe('berth-adopt-1', { signal })).rejects.toThrow(
    'belongs to pod default/web already',
  );

  await second.adopting?.release('uid-a', true, { signal });
  expect(await second.get('uid-a', { signal })).toBeUndefined();
  expect(policyOf(id)).toBe('always');
  expect(stateOf(id)).toBe(before);
});

test('its end is an event of its instance, and the next attempt is made by us', async () => {
  const id = start('berth-adopt-2');
  const own = runtime();
  const adopter = { instance: 'uid-b', namespace: 'default', name: 'api', container: 'main' };
  await own.adopting?.adopt(id, adopter, { signal });
  const seen: string[] = [];
  const events = own.observe({ signal }).subscribe((each) => seen.push(each));
  await until('it is seen', () => seen.length === 1);
  docker('kill', id);
  await until('its end is seen', () => seen.length > 1);
  events.unsubscribe();
  expect(new Set(seen)).toEqual(new Set(['uid-b']));
  const spec = {
    id: 'uid-b',
    namespace: 'default',
    name: 'api',
    hostname: 'api',
    network: 'bridge',
    containers: [
      {
        name: 'main',
        attempt: 1,
        image: busyboxImage,
        command: ['sleep', '1000'],
        env: {},
        tty: false,
        stdin: false,
        privileged: false,
        readOnlyRootFilesystem: false,
        ports: [],
        mounts: [],
        limits: {},
      },
    ],
  } as const;
  const status = await own.ensure(spec, { signal });
  const previous = { exitCode: 137, containerId: `docker://${id}` };
  expect(status.containers).toMatchObject([{ attempt: 1, state: { phase: 'running' }, previous }]);
  await own.remove('uid-b', { graceMs: 0, signal });
  expect(docker('ps', '-aq', '--no-trunc', '--filter', `id=${id}`)).toBe('');
  names.splice(names.indexOf('berth-adopt-2'), 1);
});

test('what Berth made itself can be released: it runs on, and is not seen again', async () => {
  const own = runtime();
  const labels = [
    'berth.dev/node=adopting',
    'berth.dev/instance=uid-c',
    'berth.dev/container=main',
  ];
  const id = start('berth-adopt-3', ...labels.flatMap((label) => ['--label', label]));
  const before = stateOf(id);
  expect((await own.get('uid-c', { signal }))?.containers).toHaveLength(1);
  await own.adopting?.release('uid-c', true, { signal });
  expect(await runtime().get('uid-c', { signal })).toBeUndefined();
  expect(policyOf(id)).toBe('unless-stopped');
  expect(stateOf(id)).toBe(before);
  // And taken back.
  expect(await own.adopting?.describe('berth-adopt-3', { signal })).toMatchObject({ target: id });
});

test('what is not there, or does not run, is refused with why', async () => {
  const own = runtime().adopting;
  await expect(own?.describe('no-such', { signal })).rejects.toThrow('no container "no-such"');
  const id = start('berth-adopt-4');
  docker('kill', id);
  await expect(own?.describe('berth-adopt-4', { signal })).rejects.toThrow('is not running');
});
