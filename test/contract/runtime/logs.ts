/** What a container has printed. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Context, until } from './harness.ts';

export function logTests(c: Context): void {
  test('keeps the two streams apart, where it can', async () => {
    const spec = c.one(c.harness.programs.printer);
    await c.ensure(spec);
    await c.untilLogged(spec.id, 'three');
    if (!c.can('streams')) {
      expect(await c.untilLogged(spec.id, 'oops')).toBe('one\ntwo\nthree\noops\n');
      return;
    }
    const { stderr } = await until(async () => {
      const log = await c.log(spec.id);
      return log.stderr === '' ? undefined : log;
    });
    expect(stderr).toBe('oops\n');
    expect((await c.log(spec.id)).stdout).toBe('one\ntwo\nthree\n');
  });

  test('tail, since and timestamps', async () => {
    const spec = c.one(c.harness.programs.ticker);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    expect((await c.log(spec.id, { tailLines: 1 })).stdout).toBe('tock\n');
    expect((await c.log(spec.id, { tailLines: 0 })).stdout).toBe('');
    const stamped = (await c.log(spec.id, { timestamps: true })).stdout.trim().split('\n');
    expect(stamped[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z tick$/);
    const secondAtMs = Date.parse(stamped[1]?.split(' ')[0] ?? '');
    expect((await c.log(spec.id, { sinceMs: secondAtMs - 100 })).stdout).toBe('tock\n');
    expect((await c.log(spec.id, { sinceMs: secondAtMs + 10_000 })).stdout).toBe('');
  });

  test('follow goes on until the container ends', async () => {
    const spec = c.one(c.harness.programs.ticker);
    await c.ensure(spec);
    expect((await c.log(spec.id, { follow: true })).stdout).toBe('tick\ntock\n');
    expect((await c.state(spec.id))?.phase).toBe('exited');
  });

  test('follow ends when its reader gives up', async () => {
    const spec = c.one(c.harness.programs.printer);
    await c.ensure(spec);
    const stop = new AbortController();
    let said = '';
    const { signal } = stop;
    const how = { container: 'main', previous: false, follow: true, timestamps: false, signal };
    for await (const { stream, data } of c.runtime.logs(spec.id, how)) {
      if (stream === 'stdout') said += Buffer.from(data).toString('utf8');
      if (said.includes('three\n')) stop.abort();
    }
    expect(said).toMatch(/^one\ntwo\nthree\n/);
    expect((await c.state(spec.id))?.phase).toBe('running');
  });

  test('of what is not there', async () => {
    await expect(c.log(randomUUID())).rejects.toMatchObject({ reason: 'NotFound' });
  });
}
