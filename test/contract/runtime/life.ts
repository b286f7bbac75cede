/** Start, adoption by a new driver, stop, removal, what is observed; and attempts one after the other. */
import { randomUUID } from 'node:crypto';
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

  test('ensure twice changes nothing', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const first = await c.ensure(spec);
    expect(await c.ensure(spec)).toEqual(first);
  });

  test('of what is there nothing needs to be said but name and attempt', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const before = await c.runtime.ensure(spec, { signal });
    const bare = c.container('main', {});
    expect(await c.runtime.ensure({ ...spec, containers: [bare] }, { signal })).toEqual(before);
  });

  test('concurrent ensures make one container', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const all = await Promise.all([c.ensure(spec), c.ensure(spec), c.ensure(spec)]);
    expect(new Set(all.map((one) => find(one)?.containerId)).size).toBe(1);
  });

  test('a new driver adopts what runs', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    const before = await c.ensure(spec);
    const other = c.harness.open(c.nodeId);
    expect(await other.list({ signal })).toEqual([before]);
    expect(await other.ensure(spec, { signal })).toEqual(before);
    await other.close();
  });

  test('stop keeps it, and ensure does not start it again', async () => {
    const spec = c.one(c.harness.programs.polite);
    const before = await c.ensure(spec);
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
    const after = await c.ensure(spec);
    expect(find(after)?.containerId).toBe(find(before)?.containerId);
    expect(find(after)?.state).toMatchObject({ phase: 'exited', exitCode: 3 });
    expect((await c.log(spec.id)).stdout).toContain('bye');
    expect(after.ips).toEqual([]);
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
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
    const whole = { signal, graceMs: 3000 };
    const containerId = find(before, 'other')?.containerId ?? '';
    const stopping = c.runtime.stop(spec.id, { ...whole, containerId });
    const startMs = Date.now();
    expect(find(await c.ensure(spec))?.state.phase).toBe('running');
    await c.runtime.stop(spec.id, { ...whole, containerId: find(before)?.containerId ?? '' });
    expect(Date.now() - startMs).toBeLessThan(2500);
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 3 });
    expect(await c.state(spec.id, 'other')).toMatchObject({ phase: 'running' });
    await stopping;
    expect(await c.state(spec.id, 'other')).toMatchObject({ phase: 'exited', exitCode: 137 });
    await c.runtime.stop(spec.id, { ...whole, containerId });
  });

  test('remove forgets everything, also twice', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    await c.ensure(spec);
    await c.runtime.remove(spec.id, { signal, graceMs: 1000 });
    expect(await c.runtime.get(spec.id, { signal })).toBeUndefined();
    expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
    await c.runtime.remove(spec.id, { signal, graceMs: 0 });
    await c.runtime.remove(randomUUID(), { signal, graceMs: 0 });
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

  test('a higher attempt replaces an ended one and keeps it as previous', async () => {
    const spec = c.one(c.harness.programs.exit7);
    const first = find(await c.ensure(spec));
    await c.untilExited(spec.id);
    const second = find(await c.ensure(attempt(spec, 1)));
    expect(second?.attempt).toBe(1);
    expect(second?.containerId).not.toBe(first?.containerId);
    expect(second?.previous).toMatchObject({ exitCode: 7, containerId: first?.containerId });
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

  test('the log of the previous attempt can be read', async () => {
    const spec = c.one(c.harness.programs.polite);
    await c.ensure(spec);
    await expect(c.log(spec.id, { previous: true })).rejects.toMatchObject({ reason: 'NotFound' });
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
    await c.ensure(attempt(spec, 1));
    expect((await c.log(spec.id, { previous: true })).stdout).toContain('bye');
    expect((await c.log(spec.id)).stdout).not.toContain('bye');
  });
}
