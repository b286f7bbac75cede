/** An instance is halted where it is, and goes on. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Context, find, signal, until } from './harness.ts';

/** How often the program that counts prints. */
const countMs = 50;

export function pauseTests(c: Context): void {
  const pause = (id: string, paused = true) => c.runtime.setPaused(id, paused, { signal });
  const isPaused = async (id: string, name = 'main') => {
    const state = await c.state(id, name);
    return state?.phase === 'running' ? (state.paused ?? false) : undefined;
  };

  /** How much it has printed, once it prints no more. */
  const untilSilent = (id: string) =>
    until(async () => {
      const { stdout: before } = await c.log(id);
      await new Promise((resolve) => setTimeout(resolve, 6 * countMs));
      return (await c.log(id)).stdout === before ? before.length : undefined;
    });

  test('it does nothing until it goes on, also when its driver starts again', async () => {
    const spec = c.one(c.harness.programs.counter);
    const before = await c.ensure(spec);
    await c.untilLogged(spec.id, '2');
    await pause(spec.id);
    const said = await untilSilent(spec.id);
    const other = c.harness.open(c.nodeId);
    const [found] = await other.list({ signal });
    expect(find(found)).toMatchObject({ state: { phase: 'running', paused: true } });
    expect(await other.ensure(spec, { signal })).toEqual(found);
    expect(find(found)?.containerId).toBe(find(before)?.containerId);
    await other.setPaused(spec.id, false, { signal });
    await other.close();
    expect(await c.runtime.get(spec.id, { signal })).toEqual(before);
    await until(async () => ((await c.log(spec.id)).stdout.length > said ? true : undefined));
  });

  test('all of it, twice, and nothing where nothing runs', async () => {
    const { sleeper, exit7 } = c.harness.programs;
    const names = ['a', 'b'] as const;
    const spec = c.spec(
      ...names.map((name) => c.container(name, sleeper)),
      c.container('c', exit7),
    );
    await c.ensure(spec);
    await c.untilExited(spec.id, 'c');
    for (const wanted of [true, true, false, false]) {
      await pause(spec.id, wanted);
      for (const name of names) expect(await isPaused(spec.id, name)).toBe(wanted);
      expect(await c.state(spec.id, 'c')).toMatchObject({ phase: 'exited', exitCode: 7 });
    }
    await pause(randomUUID());
  });

  test('it can be stopped, and hears of it', async () => {
    const spec = c.one(c.harness.programs.polite);
    await c.ensure(spec);
    await pause(spec.id);
    await c.runtime.stop(spec.id, { signal, graceMs: 5000 });
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 3 });
  });

  test('it can be killed, replaced and removed', async () => {
    const { deaf } = c.harness.programs;
    const spec = c.one(deaf);
    await c.ensure(spec);
    await c.untilLogged(spec.id, 'ready');
    await pause(spec.id);
    const next = { ...spec, containers: [c.container('main', deaf, { attempt: 1 })] };
    const { previous } = find(await c.ensure(next)) ?? {};
    expect(previous).toMatchObject({ exitCode: 137 });
    await c.untilLogged(spec.id, 'ready');
    await pause(spec.id);
    await c.runtime.stop(spec.id, { signal, graceMs: 1000 });
    expect(await c.state(spec.id)).toMatchObject({ phase: 'exited', exitCode: 137 });
    const gone = c.one(deaf);
    await c.ensure(gone);
    await pause(gone.id);
    await c.runtime.remove(gone.id, { signal, graceMs: 0 });
    expect(await c.runtime.get(gone.id, { signal })).toBeUndefined();
  });
}
