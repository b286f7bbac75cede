/** Commands in a running container, and its own process joined. */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { AttachOptions, ContainerSpec } from '../../../runtime/runtime.ts';
import { type Context, signal, text } from './harness.ts';

export function execTests(c: Context): void {
  const start = async () => {
    const spec = c.one(c.harness.programs.sleeper);
    await c.ensure(spec);
    return spec.id;
  };

  test('input, ended by its writer', async () => {
    const session = await c.exec(await start(), c.harness.commands.cat, { stdin: true });
    session.stderr.resume();
    const payload = 'x'.repeat(300_000);
    session.stdin?.write(payload);
    session.stdin?.end('end\n');
    expect(await text(session.stdout)).toBe(`${payload}end\n`);
    expect(await session.exit).toBe(0);
  });

  test('a terminal that changes its size', async () => {
    const more = { tty: true, stdin: true };
    const session = await c.exec(await start(), c.harness.commands.size, more);
    session.stderr.resume();
    await session.resize({ columns: 99, rows: 33 });
    session.stdin?.write('go\n');
    expect(await text(session.stdout)).toContain('33 99');
    expect(await session.exit).toBe(0);
  });

  test('giving up leaves the container and other sessions alone', async () => {
    const id = await start();
    const stop = new AbortController();
    const { cat } = c.harness.commands;
    const first = await c.exec(id, cat, { stdin: true, signal: stop.signal });
    const second = await c.exec(id, cat, { stdin: true });
    second.stderr.resume();
    stop.abort();
    await expect(first.exit).rejects.toThrow();
    second.stdin?.end('still here\n');
    expect(await text(second.stdout)).toBe('still here\n');
    expect((await c.state(id))?.phase).toBe('running');
  });
}

export function attachTests(c: Context): void {
  const start = async (more: Partial<ContainerSpec> = {}) => {
    const spec = c.one(c.harness.programs.listener, { stdin: true, ...more });
    await c.ensure(spec);
    return spec.id;
  };
  const attach = (id: string, more: Partial<AttachOptions> = {}) =>
    c.runtime.attach(id, { container: 'main', stdin: true, signal, ...more });
  /** Reads until `wanted` was said. */
  const hear = async (stream: Readable, wanted: string) => {
    let all = '';
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      all += Buffer.from(chunk).toString('utf8');
      if (all.includes(wanted)) return all;
    }
    return all;
  };

  test('talks with the process, both streams apart, until it ends', async () => {
    const id = await start();
    const session = await attach(id);
    session.stdin?.write('one\nwarn\n');
    expect(await hear(session.stdout, 'heard one')).toBe('heard one\n');
    expect(await hear(session.stderr, 'careful')).toBe('careful\n');
    session.stdin?.write('end\n');
    expect(await text(session.stdout)).toBe('');
    session.stderr.resume();
    await session.ended;
    expect(await c.untilExited(id)).toMatchObject({ exitCode: 0 });
    expect((await c.log(id)).stdout).toBe('heard one\n');
  });

  test('everyone who is attached hears everything', async () => {
    const id = await start();
    const [first, second] = await Promise.all([attach(id), attach(id, { stdin: false })]);
    expect(second.stdin).toBeUndefined();
    first.stdin?.write('x\n');
    expect(await hear(first.stdout, 'heard x')).toBe('heard x\n');
    expect(await hear(second.stdout, 'heard x')).toBe('heard x\n');
  });

  test('a terminal that changes its size', async () => {
    const id = await start({ tty: true });
    const session = await attach(id);
    await session.resize({ columns: 99, rows: 33 });
    session.stdin?.write('size\n');
    expect(await hear(session.stdout, '33 99')).toContain('33 99');
    session.stdin?.write('end\n');
    session.stdout.resume();
    session.stderr.resume();
    await session.ended;
  });

  test('input that ends is no end for the process', async () => {
    const id = await start();
    const stop = new AbortController();
    const first = await attach(id, { signal: stop.signal });
    first.stdin?.end('x\n');
    expect(await hear(first.stdout, 'heard x')).toBe('heard x\n');
    stop.abort();
    await expect(first.ended).rejects.toThrow();
    const second = await attach(id);
    second.stdin?.write('y\n');
    expect(await hear(second.stdout, 'heard y')).toBe('heard y\n');
  });

  test('unless it takes its input once', async () => {
    const ended = await start({ stdinOnce: true });
    const session = await attach(ended);
    const payload = 'x'.repeat(3_000);
    session.stdin?.end(`${payload}\n`);
    session.stderr.resume();
    expect(await text(session.stdout)).toBe(`heard ${payload}\n`);
    await session.ended;
    expect(await c.untilExited(ended)).toMatchObject({ exitCode: 0 });
    const left = await start({ stdinOnce: true });
    const stop = new AbortController();
    await attach(left, { signal: stop.signal });
    stop.abort();
    await c.untilExited(left);
  });

  test('only to containers that run', async () => {
    await expect(attach(randomUUID())).rejects.toMatchObject({ reason: 'NotFound' });
    const id = await start();
    await c.runtime.stop(id, { signal, graceMs: 0 });
    await expect(attach(id)).rejects.toMatchObject({ reason: 'NotFound' });
  });
}
