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
}
