/** A libvirtd that dies in the midst of something, and whoever asked for it too. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type InstanceStatus, type Runtime, RuntimeError } from '../../../../runtime/runtime.ts';
import { mainOf, signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { bootMs, guest, libvirtHarness, open, run, stateOf } from './guest.ts';

/** How long after libvirtd has opened the console's log, the first that is seen of a start. */
const momentsMs = [0, 60, 150];

export function deathTests(): void {
  const nodeId = `node-${randomUUID().slice(0, 8)}`;
  const runtime = open(nodeId);

  afterEach(async () => {
    for (const { id } of await runtime.list({ signal })) {
      await runtime.remove(id, { signal, graceMs: 0 });
    }
    expect(await libvirtHarness.leftovers(nodeId)).toEqual([]);
  });

  test.each(
    // With what it has started and not yet put elsewhere, as systemd does; and alone.
    ['all', 'main'] as const,
  )('in the midst of a start it counts as not started (%s)', { timeout: bootMs }, async (whom) => {
    for (const afterMs of momentsMs) {
      const id = randomUUID();
      const spec = guest(id, { disks: [] });
      await dieIn(nodeId, whom, async (agent) => {
        agent.ensure(spec, { signal }).catch(() => undefined);
        const log = `${stateOf(nodeId)}/${id}/console.0.log`;
        await until('it is being started', () => existsSync(log), bootMs);
        await sleep(afterMs);
      });
      const seen = new Set<string>();
      const status = await until('it is started', async () => {
        try {
          const found = await runtime.get(id, { signal });
          if (found !== undefined) seen.add(mainOf(found).state.phase);
          return await runtime.ensure(spec, { signal });
        } catch (error) {
          if (error instanceof RuntimeError && error.reason === 'Unavailable') return undefined;
          throw error;
        }
      });
      expect([...seen], `after ${afterMs} ms`).not.toContain('exited');
      expect(mainOf(status).state).toMatchObject({ phase: 'running' });
      expect(mainOf(status).state).not.toHaveProperty('paused');
      await expectItRuns(status);
      await runtime.remove(id, { signal, graceMs: 0 });
    }
  });
}

/** libvirtd dies once `begin` has begun something, and nobody is there any more who asked for it. */
async function dieIn(
  nodeId: string,
  whom: 'all' | 'main',
  begin: (agent: Runtime) => Promise<unknown>,
): Promise<void> {
  const agent = open(nodeId);
  await begin(agent);
  await run('systemctl', ['kill', '-s', 'KILL', `--kill-whom=${whom}`, 'libvirtd.service']);
  await agent.close();
  await run('systemctl', ['reset-failed', 'libvirtd.service']).catch(() => undefined);
  await run('systemctl', ['start', 'libvirtd.service']);
}

/** As QEMU says, whatever libvirt thinks. */
async function expectItRuns(status: InstanceStatus): Promise<void> {
  const uuid = mainOf(status).containerId.split('/')[2] ?? '';
  const { stdout } = await run('virsh', ['qemu-monitor-command', uuid, '--hmp', 'info status']);
  expect(stdout).toContain('VM status: running');
}
