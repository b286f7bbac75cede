/** Disks and memory as they were: taken while it runs, and gone back to, running or ended. */
import { expect, test } from 'vitest';
import { inspectDisk } from '../../../../runtime/disk/disk-images.ts';
import { signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { bootMs, data, directory, type Guest, run } from './guest.ts';

export function snapshotTests(guest: Guest): void {
  const { life } = guest;

  test('a snapshot keeps disks and memory, and both come back as a new start', async () => {
    const files = '/data/mark /tmp/mark';
    await guest.sh(`echo before | tee ${files}; sync`);
    const taken = await guest.machines.snapshot(life.id, 'one', { signal });
    expect(taken).toMatchObject({ memory: true, frozen: true });
    await guest.sh(`echo after | tee ${files}; sync`);
    const still = { pause: true, maxMs: bootMs, over: new AbortController() };
    const held = guest.machines.still(life.id, still, { signal }, async (frozen) => frozen);
    expect(await held).toBe(true);
    // Asked again it is not taken again.
    const again = await guest.machines.snapshot(life.id, 'one', { signal });
    expect(again.createdAtMs).toBe(taken.createdAtMs);
    const { attempt } = await life.main();
    await guest.machines.restore(life.id, 'one', { signal });
    expect(await life.main()).toMatchObject({
      ...{ attempt: attempt + 1, state: { phase: 'running' } },
    });
    await guest.untilAnswers();
    expect(await guest.sh(`cat ${files}; echo written > /data/more; sync; cat /data/more`)).toBe(
      'before\nbefore\nwritten',
    );
    await guest.sh('echo said > /dev/ttyS0');
    await until('the log has it', async () => (await life.log()).includes('said'));
    await expect(guest.machines.restore(life.id, 'two', { signal })).rejects.toMatchObject({
      reason: 'NotFound',
    });
  });

  test('ended, its disk is copied, it goes back to its memory, and the snapshot goes', async () => {
    await guest.virsh('destroy');
    await until('it has ended', async () => (await life.main()).state.phase === 'exited');
    const path = `${directory}/copy.qcow2`;
    await guest.machines.capture(life.id, { path }, { signal });
    expect((await inspectDisk(path, { signal })).sizeBytes).toBe(32n << 20n);
    const twice = guest.machines.capture(life.id, { path }, { signal });
    await expect(twice).rejects.toMatchObject({ reason: 'Conflict' });
    await guest.machines.restore(life.id, 'one', { signal });
    expect(await guest.state()).toBe('saved');
    await life.ensure((await life.main()).attempt);
    await guest.untilAnswers();
    expect(await guest.sh('cat /tmp/mark')).toBe('before');
    for (const _ of [1, 2]) await guest.machines.removeSnapshot(life.id, 'one', { signal });
    expect((await run('qemu-img', ['snapshot', '-lU', data.path])).stdout.trim()).toBe('');
  });

  test('it boots anew, and says so in a log of its own', async () => {
    const { attempt } = await life.main();
    await guest.start(attempt + 1);
    expect(await life.log()).not.toContain('said');
  });
}
