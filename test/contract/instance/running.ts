/** While it runs: it is found, left alone, limited, asked, halted, and told of. */
import { randomInt, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { until } from '../../e2e/until.ts';
import { type Life, mainOf, signal, steady } from './life.ts';

export function runningTests(life: Life): void {
  const { harness } = life;
  const { commands, container } = harness;

  test('it starts, and is told of', async () => {
    const info = await life.runtime.info({ signal });
    expect(info).toMatchObject({ name: life.runtime.name, os: 'linux' });
    expect(info.version).not.toBe('');
    const status = await life.ensure();
    const { namespace, name } = life.spec();
    expect(status).toMatchObject({ id: life.id, namespace, name });
    expect(mainOf(status)).toMatchObject({
      ...{ name: container, attempt: 0, state: { phase: 'running' } },
      containerId: expect.stringMatching(/^\w+:\/\/.+/),
    });
    await life.untilUp();
    expect(await life.list()).toEqual([await life.status()]);
  });

  test('asked for again, also by several at once, it is left as it is', async () => {
    const [before, process] = [await life.status(), await life.process()];
    const again = await Promise.all([life.ensure(), life.ensure(), life.ensure()]);
    expect(again).toEqual([before, before, before]);
    expect(await life.process()).toBe(process);
  });

  test('a driver that starts again adopts it', async () => {
    const [before, process] = [await life.status(), await life.process()];
    const other = harness.open(life.nodeId);
    expect(await life.list(other)).toEqual([before]);
    expect(steady(await other.ensure(life.spec(), { signal }))).toEqual(before);
    expect(await life.process()).toBe(process);
    await other.close();
  });

  test('another node on the same engine neither sees nor touches it', async () => {
    const process = await life.process();
    const stranger = harness.open(`${life.nodeId}-other`);
    expect(await stranger.list({ signal })).toEqual([]);
    expect(await stranger.get(life.id, { signal })).toBeUndefined();
    expect(await stranger.stats({ signal })).toEqual([]);
    await stranger.setPaused(life.id, true, { signal });
    await stranger.stop(life.id, { signal, graceMs: 0 });
    await stranger.remove(life.id, { signal, graceMs: 0 });
    expect((await life.main()).state).toMatchObject({ phase: 'running' });
    expect((await life.main()).state).not.toHaveProperty('paused');
    expect(await life.process()).toBe(process);
    await stranger.close();
  });

  test('its limit is what the kernel has', async () => {
    expect(await harness.cpuMilliOf(await life.status())).toBe(harness.cpuMilli);
  });

  test('commands run in it, with input, both outputs and their exit code', async () => {
    expect(await life.exec(commands.both)).toEqual({ out: 'out\n', err: 'err\n', code: 5 });
    const copied = await life.exec(commands.cat, {}, 'some\nlines\n');
    expect(copied).toEqual({ out: 'some\nlines\n', err: '', code: 0 });
    const { out, err, code } = await life.exec(commands.missing);
    expect([126, 127]).toContain(code);
    expect(out + err).toMatch(/not found|[Nn]o such file/);
  });

  test('a command that is given up ends where that is asked for', async () => {
    const mark = randomInt(1_000_000, 9_000_000);
    const count = async () => Number((await life.exec(commands.counting(mark))).out);
    const stop = new AbortController();
    const command = commands.lasting(mark);
    const session = await life.runtime.exec(life.id, {
      ...{ container, command, tty: false, stdin: false, killOnAbort: true },
      signal: stop.signal,
    });
    session.stdout.resume();
    session.stderr.resume();
    await until('it runs', async () => (await count()) === 1);
    stop.abort();
    await expect(session.exit).rejects.toThrow();
    await until('it has ended', async () => (await count()) === 0);
  });

  test('what is asked of what is not there is not found', async () => {
    const notFound = { reason: 'NotFound' };
    const asked = { command: commands.both, tty: false, stdin: false, signal };
    const { runtime } = life;
    const [nobody, nothing] = [randomUUID(), { container: 'absent' }];
    await expect(runtime.exec(nobody, { ...asked, container })).rejects.toMatchObject(notFound);
    await expect(runtime.exec(life.id, { ...asked, ...nothing })).rejects.toMatchObject(notFound);
    await expect(life.log(nothing)).rejects.toMatchObject(notFound);
    await expect(life.log({ previous: true })).rejects.toMatchObject(notFound);
    await runtime.setPaused(nobody, true, { signal });
    await runtime.stop(nobody, { signal, graceMs: 0 });
    await runtime.remove(nobody, { signal, graceMs: 0 });
  });

  test('its log is read from its end, and followed until its reader gives up', async () => {
    const all = await life.log();
    const last = (await life.log({ tailLines: 1 })).trimEnd();
    expect(last.split('\n')).toHaveLength(1);
    expect(all.trimEnd().endsWith(last)).toBe(true);
    const stop = new AbortController();
    const base = { container, previous: false, follow: true, timestamps: false };
    let text = '';
    for await (const { data } of life.runtime.logs(life.id, { ...base, signal: stop.signal })) {
      text += Buffer.from(data);
      if (text.includes(harness.said)) stop.abort();
    }
    expect(text).toContain(harness.said);
  });

  test('what it uses is told, by container', async () => {
    const [usage, ...more] = await life.runtime.stats({ signal });
    expect(more).toEqual([]);
    const { name, containerId } = await life.main();
    expect(usage).toMatchObject({ id: life.id, containers: [{ name, containerId }] });
    expect(usage?.containers[0]?.workingSetBytes).toBeGreaterThan(0n);
    expect(usage?.containers[0]?.cpuNanos).toBeGreaterThanOrEqual(0n);
    const written = await life.runtime.diskUsage(life.id, { signal });
    expect([...written.keys()]).toEqual([container]);
  });

  test('it is halted, which is observed and outlives its driver, and goes on', async () => {
    const [before, process] = [await life.status(), await life.process()];
    const watching = await Promise.all([life.watch(), life.watch()]);
    for (const each of watching) each.forget();
    await life.runtime.setPaused(life.id, true, { signal });
    for (const each of watching) await each.untilSeen('everybody is told that it is halted');
    for (const each of watching) each.stop();
    const other = harness.open(life.nodeId);
    const found = await other.ensure(life.spec(), { signal });
    expect(mainOf(found).state).toMatchObject({ phase: 'running', paused: true });
    await expect(life.exec(commands.both)).rejects.toMatchObject({
      reason: 'Conflict',
      message: expect.stringContaining('paused'),
    });
    await other.setPaused(life.id, false, { signal });
    await other.close();
    expect(await life.status()).toEqual(before);
    expect(await life.process()).toBe(process);
    await life.untilUp();
  });
}
