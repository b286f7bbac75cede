import { expect, test } from 'vitest';
import type { InstanceSpec } from '../../../runtime/runtime.ts';
import { type Context, find, signal, until } from './harness.ts';

export function lifeTests(c: Context): void {
  test('starts an instance and tells about it', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const status = await c.ensure(spec);
    expect(status).toMatchObject({ id: spec.id, namespace: 'test', name: 'web' });
    expect(status.ips).toHaveLength(1);
    const main = find(status);
    expect(main).toMatchObject({ attempt: 0, image: c.harness.image, state: { phase: 'running' } });
    expect(main?.containerId).toMatch(/^\w+:\/\/.+/);
    expect(main?.imageId).not.toBe('');
    expect(await c.runtime.list({ signal })).toEqual([status]);
  });

  test('of what is there nothing needs to be said but name and attempt', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const before = await c.runtime.ensure(spec, { signal });
    const bare = c.container('main', {});
    expect(await c.runtime.ensure({ ...spec, containers: [bare] }, { signal })).toEqual(before);
  });

  test('kills what does not end in time', async () => {
    const spec = c.one(c.harness.programs.deaf);
    await c.ensure(spec);
    await c.untilLogged(spec.id, 'ready');
    const startMs = Date.now();
    await c.runtime.stop(spec.id, { signal, graceMs: 1000 });
    expect(Date.now() - startMs).toBeGreaterThan(900);
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 137 });
  });

  test('stops one container alone, whatever else is going on', async () => {
    const { polite, deaf } = c.harness.programs;
    const spec = c.spec(c.container('main', polite), c.container('other', deaf));
    const before = await c.ensure(spec);
    await c.untilLogged(spec.id, 'ready', { container: 'other' });
    const whole = { signal, graceMs: 6000 };
    const containerId = find(before, 'other')?.containerId ?? '';
    const stopping = c.runtime.stop(spec.id, { ...whole, containerId });
    let isOver = false;
    const ended = stopping.finally(() => {
      isOver = true;
    });
    expect(find(await c.ensure(spec))?.state.phase).toBe('running');
    await c.runtime.stop(spec.id, { ...whole, containerId: find(before)?.containerId ?? '' });
    expect(isOver).toBe(false);
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 3 });
    expect(await c.state(spec.id, 'other')).toMatchObject({ phase: 'running' });
    await ended;
    expect(await c.state(spec.id, 'other')).toMatchObject({ phase: 'exited', exitCode: 137 });
    await c.runtime.stop(spec.id, { ...whole, containerId });
  });

  test('knows exit codes and times', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    const state = await c.untilExited(spec.id);
    expect(state).toMatchObject({ exitCode: 7, oomKilled: false });
    expect(state.finishedAtMs).toBeGreaterThanOrEqual(state.startedAtMs);
    expect(Math.abs(state.startedAtMs - Date.now())).toBeLessThan(60_000);
  });

  test('observe names what is there, and then what changes', async () => {
    const first = c.one(c.harness.programs.sleeper);
    await c.ensure(first);
    const seen: string[] = [];
    const stop = new AbortController();
    const ended = new Promise<void>((resolve) => {
      const complete = () => resolve();
      c.runtime
        .observe({ signal: stop.signal })
        .subscribe({ next: (id) => seen.push(id), complete });
    });
    await until(async () => (seen.includes(first.id) ? true : undefined));
    const second = c.one(c.harness.programs.exit7);
    await c.ensure(second);
    await c.untilExited(second.id);
    await until(async () => (seen.includes(second.id) ? true : undefined));
    seen.length = 0;
    await c.runtime.remove(first.id, { signal, graceMs: 0 });
    await until(async () => (seen.includes(first.id) ? true : undefined));
    stop.abort();
    await ended;
  });
}

export function attemptTests(c: Context): void {
  const attempt = (spec: InstanceSpec, number: number): InstanceSpec => ({
    ...spec,
    containers: spec.containers.map((one) => ({ ...one, attempt: number })),
  });

  test('only one attempt before the newest is kept', async () => {
    const spec = c.one(c.harness.programs.printer);
    await c.ensure(spec);
    const second = find(await c.ensure(attempt(spec, 1)));
    const third = find(await c.ensure(attempt(spec, 2)));
    expect(third?.previous).toMatchObject({ exitCode: 137, containerId: second?.containerId });
    expect(await c.harness.leftovers(c.nodeId)).toHaveLength(2);
    expect(find(await c.ensure(attempt(spec, 1)))?.attempt).toBe(2);
  });
}
