/** How it ends: stopped and kept, started again, killed, removed; and what never began properly. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { RuntimeGap } from '../../../runtime/runtime.ts';
import { until } from '../../e2e/until.ts';
import { type Life, mainOf, signal } from './life.ts';

/** After how long a start is given up: before, in the midst of and after what it does. */
const givenUpAfterMs = [0, 20, 80, 200];

export function endingTests(life: Life): void {
  const { harness } = life;

  test('stopped, it ends by itself and is kept; asked for again it stays so', async () => {
    const before = await life.main();
    const followed = life.log({ follow: true });
    await life.runtime.stop(life.id, { signal, graceMs: 60_000 });
    const after = await life.status();
    expect(mainOf(after)).toMatchObject({
      containerId: before.containerId,
      state: { phase: 'exited', exitCode: harness.exitCode, oomKilled: false },
    });
    expect(after.ips).toEqual([]);
    const { startedAtMs, finishedAtMs } = mainOf(after).state as {
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
    };
    expect(finishedAtMs).toBeGreaterThanOrEqual(startedAtMs);
    expect(await life.ensure(before.attempt)).toEqual(after);
    await life.runtime.stop(life.id, { signal, graceMs: 0 });
    expect(await life.status()).toEqual(after);
    // Who followed its log has all of it.
    expect(await followed).toBe(await life.log());
    expect(await life.runtime.stats({ signal })).toEqual([]);
    const { both } = harness.commands;
    await expect(life.exec(both)).rejects.toMatchObject({ reason: 'NotFound' });
  });

  test('a higher attempt starts it anew, and keeps how the one before ended and its log', async () => {
    const { attempt, containerId } = await life.main();
    const log = await life.log();
    const status = await life.ensure(attempt + 1);
    expect(mainOf(status)).toMatchObject({
      ...{ attempt: attempt + 1, state: { phase: 'running' } },
      previous: { exitCode: harness.exitCode, containerId },
    });
    expect(await life.log({ previous: true })).toBe(log);
    await life.untilUp();
  });

  test('killed by somebody else it has ended, and that is observed', async () => {
    const watching = await life.watch();
    watching.forget();
    await harness.kill(await life.process(), await life.status());
    await watching.untilSeen('its end is told');
    const ended = async () => (await life.main()).state.phase === 'exited';
    await until('it has ended', ended);
    watching.stop();
  });

  test('removed, nothing is left of it, and that is observed', async () => {
    const watching = await life.watch();
    watching.forget();
    for (const _ of [1, 2]) await life.runtime.remove(life.id, { signal, graceMs: 0 });
    await watching.untilSeen('that it is gone is told');
    watching.stop();
    expect(await life.runtime.get(life.id, { signal })).toBeUndefined();
    await expect(life.log()).rejects.toMatchObject({ reason: 'NotFound' });
    expect(await harness.leftovers(life.nodeId)).toEqual([]);
  });

  test('what cannot be started says why, leaves nothing, and can be tried again', async () => {
    const spec = harness.broken(life.id);
    for (const _ of [1, 2]) {
      await expect(life.runtime.ensure(spec, { signal })).rejects.toMatchObject({
        reason: 'StartFailed',
        container: harness.container,
        message: expect.stringContaining('/berth/absent'),
      });
    }
    expect(await life.list()).toEqual([]);
    expect(await harness.leftovers(life.nodeId)).toEqual([]);
    expect(mainOf(await life.ensure()).state.phase).toBe('running');
    await life.runtime.remove(life.id, { signal, graceMs: 0 });
  });

  /** As if the agent had died in the midst of a start. */
  const giveUp = async (afterMs: number) => {
    const id = randomUUID();
    const spec = harness.beside?.(id) ?? harness.spec(id);
    const given = harness.open(life.nodeId);
    const call = { signal: AbortSignal.timeout(afterMs) };
    await given.ensure(spec, call).catch(() => undefined);
    await given.close();
    return spec;
  };
  const untilNothingIsLeft = () =>
    until('nothing is left', async () => {
      const listed = await life.runtime.list({ signal });
      for (const { id } of listed) await life.runtime.remove(id, { signal, graceMs: 0 });
      return listed.length + (await harness.leftovers(life.nodeId)).length === 0;
    });

  test('a start that is given up at any moment is finished by the next', async () => {
    for (const afterMs of givenUpAfterMs) {
      const spec = await giveUp(afterMs);
      const status = await life.untilStarted(spec);
      expect(mainOf(status)).toMatchObject({ attempt: 0, state: { phase: 'running' } });
      expect(await life.list()).toEqual([status]);
      await life.runtime.remove(spec.id, { signal, graceMs: 0 });
      expect(await harness.leftovers(life.nodeId)).toEqual([]);
    }
  });

  test('what is half made is found and removed, also what the engine finishes later', async () => {
    for (const afterMs of givenUpAfterMs) await giveUp(afterMs);
    // Once one has started all of them are done.
    await life.ensure();
    await untilNothingIsLeft();
  });
}

/** Nobody asks for these: what is lacking is only not there. */
const withoutEffect: readonly RuntimeGap[] = ['streams', 'hostname', 'adoption'];

export function refusalTests(life: Life): void {
  const { gaps, refusals } = life.harness;

  test('what it cannot do is declared', () => {
    expect([...life.runtime.gaps].sort()).toEqual([...gaps].sort());
    expect(life.runtime.adopting === undefined).toBe(gaps.includes('adoption'));
    const asked = new Set<RuntimeGap>(refusals.map(({ gap }) => gap));
    expect(gaps.filter((gap) => !asked.has(gap) && !withoutEffect.includes(gap))).toEqual([]);
  });

  if (refusals.length === 0) return;
  test.each(refusals)('$gap is refused with the field and a remedy', async ({ ask, words }) => {
    const spec = { ...life.spec(), id: randomUUID() };
    await expect(ask(life.runtime, spec)).rejects.toMatchObject({
      reason: expect.stringMatching(/^(InvalidSpec|Unsupported)$/),
      message: expect.stringMatching(words),
    });
    expect(await life.harness.leftovers(life.nodeId)).toEqual([]);
  });
}
