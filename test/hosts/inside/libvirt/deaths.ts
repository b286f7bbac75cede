/** A libvirtd that dies in the midst of something, and whoever asked for it too. */
import { randomUUID } from 'node:crypto';
import { on } from 'node:events';
import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { CallOptions } from '../../../../lib/call.ts';
import { type InstanceStatus, type Runtime, RuntimeError } from '../../../../runtime/runtime.ts';
import { mainOf, signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { bootMs, guest, libvirtHarness, machine, open, run, stateOf } from './guest.ts';

/** How long after libvirtd has opened the console's log, the first that is seen of a start. */
const momentsMs = [0, 60, 150];

export function deathTests(): void {
  const nodeId = `node-${randomUUID().slice(0, 8)}`;
  const runtime = open(nodeId);

  beforeAll(() => libvirtHarness.prepare());

  afterEach(async () => {
    for (const { id } of await runtime.list({ signal })) {
      await runtime.remove(id, { signal, graceMs: 0 });
    }
    expect(await libvirtHarness.leftovers(nodeId)).toEqual([]);
  });

  const statusOf = async (id: string) => {
    const found = await runtime.get(id, { signal });
    if (found === undefined) throw new Error('nothing is known of it');
    return found;
  };

  test.each(
    // With what it has started and not yet put elsewhere, as systemd does; and alone.
    ['all', 'main'] as const,
  )('in the midst of a start it counts as not started (%s)', { timeout: bootMs }, async (whom) => {
    for (const afterMs of momentsMs) {
      const id = randomUUID();
      const spec = guest(id, { disks: [] });
      await dieIn(nodeId, whom, async (agent, call) => {
        agent.ensure(spec, call).catch(() => undefined);
        const log = `${stateOf(nodeId)}/${id}/console.0.log`;
        await until('it is being started', () => existsSync(log), bootMs);
        await sleep(afterMs);
      });
      const seen = new Set<string>();
      const status = await untilDone('it is started', async () => {
        const found = await runtime.get(id, { signal });
        if (found !== undefined) seen.add(mainOf(found).state.phase);
        return await runtime.ensure(spec, { signal });
      });
      expect([...seen], `after ${afterMs} ms`).not.toContain('exited');
      expect(mainOf(status).state).toMatchObject({ phase: 'running' });
      expect(mainOf(status).state).not.toHaveProperty('paused');
      await expectItRuns(status);
      await runtime.remove(id, { signal, graceMs: 0 });
    }
  });

  test('a start that libvirt has lost itself is made anew, or removed', {
    timeout: bootMs,
  }, async () => {
    for (const wanted of ['started', 'removed'] as const) {
      const id = randomUUID();
      const spec = guest(id, { disks: [] });
      await dieIn(nodeId, 'main', async (agent, call) => {
        const noted = untilChanged(notes, (file) => file.endsWith('.xml'));
        agent.ensure(spec, call).catch(() => undefined);
        const note = await noted;
        hold();
        forgetProcess(note);
      });
      const lost = await untilDone('it is told of', () => statusOf(id));
      expect(lost).toMatchObject({ ips: [], machine: { state: 'absent' } });
      expect(mainOf(lost).state).toEqual({ phase: 'created' });
      if (wanted === 'started') {
        await expectItRuns(await untilDone('it runs', () => runtime.ensure(spec, { signal })));
      }
      await untilDone('it is gone', () => runtime.remove(id, { signal, graceMs: 0 }));
      expect(await runtime.get(id, { signal })).toBeUndefined();
    }
  });

  test('in the midst of a save it runs on, and nothing is left to go back to', {
    timeout: bootMs,
  }, async () => {
    const id = randomUUID();
    const status = await runtime.ensure(guest(id, { disks: [] }), { signal });
    const stop = new AbortController();
    runtime.observe({ signal: stop.signal }).subscribe();
    const directory = '/var/lib/libvirt/qemu/save';
    await dieIn(nodeId, 'main', async (agent, call) => {
      const begun = untilChanged(directory, () => true);
      agent.machines?.save(id, call).catch(() => undefined);
      await begun;
      hold();
    });
    await until('it runs on', async () => (await statusOf(id)).machine?.state === 'running');
    await until('nothing is left', async () => (await readdir(directory)).length === 0);
    await expectItRuns(status);
    stop.abort();
  });

  test('whoever takes a snapshot dies: the file systems are let go by the next', {
    timeout: bootMs,
  }, async () => {
    const id = randomUUID();
    const status = await runtime.ensure(guest(id), { signal });
    const uuid = uuidOf(status);
    const agentSays = async (execute: string) =>
      (await run('virsh', ['qemu-agent-command', uuid, JSON.stringify({ execute })])).stdout;
    const frozen = () => agentSays('guest-fsfreeze-status');
    await until('its agent answers', async () => (await frozen()).includes('thawed'), bootMs);
    const agent = open(nodeId);
    const given = new AbortController();
    const begun = untilChanged(notes, isSnapshotNoted);
    agent.machines?.snapshot(id, 'cut', { signal: given.signal }).catch(() => undefined);
    await begun;
    given.abort();
    await agent.close();
    await until('it is held', async () => (await frozen()).includes('frozen'));
    const { machines } = runtime;
    await untilDone('it is adjusted', async () => machines?.adjust(id, { machine }, { signal }));
    expect(await frozen()).toContain('thawed');
  });
}

function isSnapshotNoted(file: string): boolean {
  return file.endsWith('.xml') && readFileSync(file, 'utf8').includes("async='snapshot'");
}

function uuidOf(status: InstanceStatus): string {
  return mainOf(status).containerId.split('/')[2] ?? '';
}

const notes = '/run/libvirt/qemu';

/** The file of that directory that was changed in a way that `isIt` knows. */
async function untilChanged(directory: string, isIt: (file: string) => boolean): Promise<string> {
  const watcher = watch(directory);
  try {
    for await (const [, name] of on(watcher, 'change') as AsyncIterable<[string, string]>) {
      const file = join(directory, name);
      if (isIt(file)) return file;
    }
  } finally {
    watcher.close();
  }
  throw new Error('nothing changed');
}

/** libvirtd does no more until it is killed. */
function hold(): void {
  process.kill(Number(readFileSync(`${notes}/driver.pid`, 'utf8')), 'SIGSTOP');
}

/** As it was before libvirtd knew the process of QEMU, which did not run then. */
function forgetProcess(note: string): void {
  const text = readFileSync(note, 'utf8');
  const pid = Number(/pid='(\d+)'/.exec(text)?.[1]);
  if (pid > 0) process.kill(pid, 'SIGKILL');
  writeFileSync(note, text.replace(/pid='\d+'/, "pid='0'"));
}

/** Where libvirt is not done yet, trying again helps; nowhere else. */
async function untilDone<T>(what: string, task: () => Promise<T>): Promise<T> {
  let failure: unknown;
  const answer = await until(what, async () => {
    try {
      return { done: await task() };
    } catch (error) {
      if (error instanceof RuntimeError && error.reason === 'Unavailable') return undefined;
      failure = error;
      return { done: undefined as T };
    }
  });
  if (failure !== undefined) throw failure;
  return answer.done;
}

/** libvirtd dies once `begin` has begun something, and nobody is there any more who asked for it. */
async function dieIn(
  nodeId: string,
  whom: 'all' | 'main',
  begin: (agent: Runtime, call: CallOptions) => Promise<unknown>,
): Promise<void> {
  const agent = open(nodeId);
  const given = new AbortController();
  await begin(agent, { signal: given.signal });
  given.abort();
  await run('systemctl', ['kill', '-s', 'KILL', `--kill-whom=${whom}`, 'libvirtd.service']);
  await agent.close();
  await run('systemctl', ['reset-failed', 'libvirtd.service']).catch(() => undefined);
  await run('systemctl', ['start', 'libvirtd.service']);
}

/** As QEMU says, whatever libvirt thinks. */
async function expectItRuns(status: InstanceStatus): Promise<void> {
  const ask = ['qemu-monitor-command', uuidOf(status), '--hmp', 'info status'];
  const { stdout } = await run('virsh', ask);
  expect(stdout).toContain('VM status: running');
}
