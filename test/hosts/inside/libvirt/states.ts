/** The states that only a machine has, and what is refused in them. */
import { expect, test } from 'vitest';
import { mainOf, signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { bootMs, type Guest } from './guest.ts';

export function stateTests(guest: Guest): void {
  const { life } = guest;

  test('halted, what its state does not allow is refused with the remedy', async () => {
    await life.runtime.setPaused(life.id, true, { signal });
    expect(await guest.state()).toBe('paused');
    await expect(guest.machines.act(life.id, 'reboot', { signal })).rejects.toMatchObject({
      reason: 'Conflict',
      message: 'cannot reboot a machine: it is paused: resume it first',
    });
    await life.runtime.setPaused(life.id, false, { signal });
    expect(await guest.state()).toBe('running');
  });

  test('saved, it goes on where it was, as the same start', async () => {
    await guest.sh('echo kept > /tmp/mark');
    await guest.machines.save(life.id, { signal });
    const saved = await life.status();
    expect(saved.machine?.state).toBe('saved');
    expect(mainOf(saved)).toMatchObject({ attempt: 0, state: { phase: 'created' } });
    const again = await life.ensure();
    expect(mainOf(again)).toMatchObject({ attempt: 0, state: { phase: 'running' } });
    await guest.untilAnswers();
    expect(await guest.sh('cat /tmp/mark')).toBe('kept');
  });

  test('what was saved can be given up; booting, without an agent, it is held still by halting it', async () => {
    await guest.machines.save(life.id, { signal });
    await guest.machines.act(life.id, 'discard', { signal });
    expect((await life.main()).state.phase).toBe('exited');
    await life.ensure(1);
    // No longer than it may be.
    const how = { pause: true, maxMs: 500, over: new AbortController() };
    const seen: unknown[] = [];
    const held = guest.machines.still(life.id, how, { signal }, async (frozen) => {
      seen.push(frozen, await guest.state());
      // It does not heed that its time is over.
      await new Promise(() => undefined);
    });
    await expect(held).rejects.toMatchObject({ name: 'AbortError' });
    expect(how.over.signal.aborted).toBe(true);
    expect(seen).toEqual([false, 'paused']);
    expect((await guest.virsh('domstate')).trim()).toBe('running');
  });

  const boots = async () => (await life.log()).split('guest up').length - 1;

  test.each(['reset', 'reboot'] as const)('%s boots it anew as the same start', async (action) => {
    const before = await until('it is up', async () => (await boots()) || undefined, bootMs);
    await guest.machines.act(life.id, action, { signal });
    await until('it has booted again', async () => (await boots()) > before, bootMs);
    expect(await life.main()).toMatchObject({ attempt: 1, state: { phase: 'running' } });
    await guest.untilAnswers();
  });
}
