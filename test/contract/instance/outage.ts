/** The engine is restarted under our feet: what runs goes on, and what happened meanwhile is told. */
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { until } from '../../e2e/until.ts';
import { type InstanceHarness, type Life, mainOf, signal } from './life.ts';

export function outageTests(life: Life, outage: Required<InstanceHarness>['outage']): void {
  const { harness } = life;

  test('while it is away everything says so, and what runs is found as it was', async () => {
    const [before, process] = [await life.status(), await life.process()];
    const watching = await life.watch();
    watching.forget();
    const { runtime } = life;
    const given = new AbortController();
    const underWay = [
      life.log({ follow: true, signal: given.signal }),
      life.exec(harness.commands.lasting(randomInt(1_000_000)), { signal: given.signal }),
    ];
    for (const each of underWay) each.catch(() => undefined);
    await outage.begin();
    const named = expect.stringMatching(new RegExp(runtime.name, 'i'));
    const unavailable = { reason: 'Unavailable', message: named };
    await expect(runtime.info({ signal })).rejects.toMatchObject(unavailable);
    await expect(runtime.list({ signal })).rejects.toMatchObject(unavailable);
    await expect(runtime.get(life.id, { signal })).rejects.toMatchObject(unavailable);
    await expect(life.ensure()).rejects.toMatchObject(unavailable);
    await expect(runtime.stats({ signal })).rejects.toMatchObject(unavailable);
    await expect(life.exec(harness.commands.both)).rejects.toMatchObject(unavailable);
    await outage.end();
    // By the driver that was there before, without anything that would start it again.
    await until('it is found', async () => (await runtime.list({ signal })).length === 1);
    expect(await life.status()).toEqual(before);
    expect(await life.ensure()).toEqual(before);
    expect(await life.process()).toBe(process);
    await watching.untilSeen('it is named again');
    const answers = async () => (await life.exec(harness.commands.both)).code === 5;
    await until('commands run in it', answers);
    expect(await life.log()).toContain(harness.said);
    // Whether it was cut off or goes on: whoever waits for it can give it up.
    given.abort();
    await Promise.allSettled(underWay);
    watching.stop();
  });

  test('what ends while it is away has ended, and can be started again', async () => {
    const before = await life.status();
    const process = await life.process();
    const watching = await life.watch();
    watching.forget();
    await outage.begin();
    await harness.kill(process, before);
    await outage.end();
    const ended = async () => (await life.main()).state.phase === 'exited';
    await until('its end is told', ended);
    await watching.untilSeen('its end is observed');
    watching.stop();
    expect(mainOf(await life.ensure()).state.phase).toBe('exited');
    // Where it can, it dies once more, in the midst of that start.
    const next = life.spec(mainOf(before).attempt + 1);
    if (outage.inStarts) {
      const starting = life.runtime.ensure(next, { signal }).catch(() => undefined);
      await outage.begin();
      await starting;
      await outage.end();
    }
    const again = await life.untilStarted(next);
    expect(mainOf(again).state.phase).toBe('running');
    expect(mainOf(again).previous).toBeDefined();
    await life.untilUp();
  });
}
