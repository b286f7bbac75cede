/** A disk is copied while its guest writes on, and whatever interrupts that is cleared away. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { inspectDisk } from '../../../../runtime/disk/disk-images.ts';
import { signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { directory, type Guest, open, run, stateOf } from './guest.ts';

export function captureTests(guest: Guest): void {
  const { life } = guest;
  const hasNoJob = async () => /None/.test(await guest.virsh('domjobinfo'));

  test('it is copied while the guest writes on, and what cannot be leaves it as it was', async () => {
    const before = await life.process();
    const path = `${directory}/live.qcow2`;
    await guest.sh('echo captured > /data/mark; sync');
    await guest.machines.capture(life.id, { path }, { signal });
    await guest.sh('echo later > /data/mark; sync');
    // It stands on no other file.
    expect((await inspectDisk(path, { signal })).sizeBytes).toBe(32n << 20n);
    expect(await markOn(path)).toBe('captured\n');
    const full = `${directory}/full`;
    await run('mkdir', ['-p', full]);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', full]);
    const failed = guest.machines.capture(life.id, { path: `${full}/x.qcow2` }, { signal });
    await expect(failed).rejects.toMatchObject({
      reason: 'Conflict',
      message: expect.stringMatching(/takes up to \d+ bytes, and only \d+ bytes are free there/),
    });
    expect((await run('ls', [full])).stdout).toBe('');
    await run('umount', [full]);
    expect(await hasNoJob()).toBe(true);
    expect(await guest.sh('cat /data/mark')).toBe('later');
    expect(await life.process()).toBe(before);
  });

  test('one whose agent was killed is cleared away by the next', async () => {
    const part = `${directory}/half.qcow2.part`;
    // As it was left: the guest still, the job under way, the note written.
    await run('touch', [part]);
    await writeFile(`${stateOf(life.nodeId)}/${life.id}/capture`, part);
    const pull = `<domainbackup mode='pull'><server transport='unix' socket='${directory}/nbd'/>
      <disks><disk name='vda' backup='yes' type='file'><scratch file='${directory}/scratch'/></disk></disks></domainbackup>`;
    await writeFile(`${directory}/pull.xml`, pull);
    await guest.virsh('backup-begin', `${directory}/pull.xml`);
    await guest.virsh('domfsfreeze');
    const next = open(life.nodeId);
    const { machine, containers } = life.spec();
    if (machine === undefined) throw new Error('it is no machine');
    const limits = containers[0]?.limits ?? {};
    await next.machines?.adjust(life.id, { machine, limits }, { signal });
    await next.close();
    await until('the job is gone', hasNoJob);
    expect(existsSync(part)).toBe(false);
    expect(await guest.sh('echo thawed > /data/mark; sync; cat /data/mark')).toBe('thawed');
  });
}

/** What a copy of the disk has in its file `mark`. */
async function markOn(image: string): Promise<string> {
  const at = `${directory}/mnt`;
  await run('qemu-img', ['convert', '-O', 'raw', image, `${image}.raw`]);
  await run('mkdir', ['-p', at]);
  await run('mount', ['-o', 'loop', `${image}.raw`, at]);
  try {
    return (await run('cat', [`${at}/mark`])).stdout;
  } finally {
    await run('umount', [at]);
  }
}
