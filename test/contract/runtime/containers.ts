/** What a container is given, and several of them in one instance. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Context, find, signal } from './harness.ts';

export function containerTests(c: Context): void {
  test('passes environment, arguments, directory, user and host name', async () => {
    const { introducer } = c.harness.programs;
    const spec = c.one(
      { ...introducer, args: [...(introducer.args ?? []), 'second'] },
      { env: { GREETING: 'a = "b"\n$c' }, workingDir: '/tmp', user: '1000' },
    );
    await c.ensure(spec);
    const said = await c.untilLogged(spec.id, '|1000|');
    const host = c.can('hostname') ? 'web-host' : said.trim().split('|').at(-1);
    expect(said.trim()).toBe(`a = "b"\n$c|second|/tmp|1000|${host}`);
  });

  test('shows files of the machine, read-only where asked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
    const file = join(directory, 'file');
    await writeFile(file, 'content');
    const mount = { hostPath: directory, containerPath: '/mnt' };
    const { writer } = c.harness.programs;
    const readOnly = c.one(writer, { mounts: [{ ...mount, readOnly: true }] });
    await c.ensure(readOnly);
    expect(await c.untilLogged(readOnly.id, 'refused')).toContain('content');
    expect(await readFile(file, 'utf8')).toBe('content');
    const writable = c.one(writer, { mounts: [{ ...mount, readOnly: false }] });
    await c.ensure(writable);
    await c.untilLogged(writable.id, 'written');
    expect(await readFile(file, 'utf8')).not.toBe('content');
    await rm(directory, { recursive: true });
  });

  test('several containers share localhost, also after one of them restarts', async () => {
    const server = c.container('server', c.harness.programs.server);
    const client = c.container('client', c.harness.programs.client);
    const spec = c.spec(server, client);
    const before = await c.ensure(spec);
    expect(before.containers.map((one) => one.name)).toEqual(['server', 'client']);
    await c.untilLogged(spec.id, 'pong', { container: 'client' });
    const after = await c.ensure({ ...spec, containers: [{ ...server, attempt: 1 }, client] });
    expect(after.ips).toEqual(before.ips);
    expect(find(after, 'client')).toEqual(find(before, 'client'));
    const third = { ...client, attempt: 1 };
    await c.ensure({ ...spec, containers: [{ ...server, attempt: 1 }, third] });
    await c.untilLogged(spec.id, 'pong', { container: 'client' });
  });

  test('containers no longer wanted are removed', async () => {
    const keep = c.container('keep', c.harness.programs.sleeper);
    const spec = c.spec(keep, c.container('drop', c.harness.programs.sleeper));
    const before = await c.ensure(spec);
    const kept = c.container('also', c.harness.programs.sleeper);
    const after = await c.ensure({ ...spec, containers: [keep, kept] });
    expect(after.containers.map((one) => one.name)).toEqual(['keep', 'also']);
    expect(find(after, 'keep')).toEqual(find(before, 'keep'));
  });
}

/** What joins others that run already. */
export function besideTests(c: Context): void {
  test('it shares their network and leaves them alone', async () => {
    const { programs } = c.harness;
    const spec = { ...c.one(programs.server), sharedNetwork: false };
    const before = find(await c.ensure(spec));
    const beside = { processesOf: 'main' };
    const guest = c.container('guest', programs.client, { beside });
    const status = await c.ensure({ ...spec, containers: [...spec.containers, guest] });
    expect(find(status)?.containerId).toBe(before?.containerId);
    expect(find(status, 'guest')?.state.phase).toBe('running');
    await c.untilLogged(spec.id, 'pong', { container: 'guest' });
  });

  test('nothing to join is a failed start', async () => {
    const { programs } = c.harness;
    const guest = c.container('guest', programs.sleeper, { beside: { processesOf: 'main' } });
    const failed = { reason: 'StartFailed', container: 'guest' };
    await expect(c.ensure(c.spec(guest))).rejects.toMatchObject(failed);
    const spec = c.one(programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    const both = { ...spec, containers: [...spec.containers, guest], sharedNetwork: false };
    await expect(c.ensure(both)).rejects.toMatchObject(failed);
  });

  test('an image says its size and whom it runs as; an absent one nothing', async () => {
    const info = await c.runtime.imageInfo(c.harness.image, { signal });
    if (c.can('images')) expect(info?.sizeBytes).toBeGreaterThan(0);
    expect(info?.user).toBe('');
    expect(await c.runtime.imageInfo('berth-test/absent:1', { signal })).toBeUndefined();
  });
}
