/** Last words as the users of a whole agent see them; the engine and the clock are fakes. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/kinds.gen.ts';
import { aborted } from '../../runtime/fake/process.ts';
import { AgentHarness, container } from '../../test/harness/agent.ts';

let h: AgentHarness;

async function begin(): Promise<void> {
  h = await AgentHarness.make();
  h.start();
}

afterEach(async () => {
  await h.clean();
});

async function create(main: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<string> {
  const containers = [container('main', main)];
  return (await h.createPod('web', { ...spec, containers })).metadata.uid ?? '';
}

const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0];

describe('last words', () => {
  const fileOf = (uid: string, attempt: number) =>
    join(h.dataDir, 'pods', uid, 'containers', 'main', String(attempt));
  const terminated = (pod: Pod | undefined) => main(pod)?.state?.terminated;

  test('come from the file, the end of it where it is too long', async () => {
    await begin();
    const uid = await create({}, { restartPolicy: 'Never' });
    await h.untilRunning('web');
    await writeFile(fileOf(uid, 0), `${'x'.repeat(5000)}end`);
    await h.engine.exit(uid, 'main', 0);
    const pod = await h.untilPod('web', (p) => terminated(p) !== undefined);
    expect(terminated(pod)?.message).toHaveLength(4096);
    expect(terminated(pod)?.message?.endsWith('xend')).toBe(true);
  });

  test('each attempt has its own, also after a restart of the agent', async () => {
    await begin();
    const uid = await create({ terminationMessagePath: '/tmp/words' });
    await h.untilRunning('web');
    const [instance] = h.engine.instances.values();
    const { mounts } = instance!.containers.get('main')![0]!.spec;
    expect(mounts).toEqual([
      { hostPath: fileOf(uid, 0), containerPath: '/tmp/words', readOnly: false },
    ]);
    await writeFile(fileOf(uid, 0), 'first');
    await h.engine.exit(uid, 'main', 1);
    const again = await h.untilPod('web', (p) => main(p)?.restartCount === 1);
    expect(main(again)?.lastState?.terminated?.message).toBe('first');
    expect(await readFile(fileOf(uid, 1), 'utf8')).toBe('');
    await h.stop();
    await writeFile(fileOf(uid, 1), 'second');
    await h.engine.exit(uid, 'main', 1);
    h.start();
    const waiting = await h.untilPod('web', (p) => main(p)?.state?.waiting !== undefined);
    expect(main(waiting)?.lastState?.terminated?.message).toBe('second');
  });

  test.each([
    ['FallbackToLogsOnError', 1, '', 'line 99\n'],
    ['FallbackToLogsOnError', 0, '', undefined],
    ['FallbackToLogsOnError', 1, 'own', 'own'],
    ['File', 1, '', undefined],
  ] as const)('%s, exit code %i, file "%s": %s', async (policy, exitCode, file, expected) => {
    await begin();
    h.engine.programs['chatty'] = async ({ print, killed }) => {
      for (let i = 0; i < 100; i += 1) print(`line ${i}`);
      await aborted(killed);
      return 1;
    };
    const uid = await create(
      { command: ['chatty'], terminationMessagePolicy: policy },
      { restartPolicy: 'Never' },
    );
    await h.untilRunning('web');
    await writeFile(fileOf(uid, 0), file);
    await h.engine.exit(uid, 'main', exitCode);
    const pod = await h.untilPod('web', (p) => terminated(p) !== undefined);
    const message = terminated(pod)?.message;
    if (expected === 'line 99\n') {
      expect(message?.endsWith(expected)).toBe(true);
      expect(message?.split('\n')).toHaveLength(81);
      expect(message?.startsWith('line 20\n')).toBe(true);
    } else {
      expect(message).toBe(expected);
    }
  });

  test('the log is cut to 2048 bytes', async () => {
    await begin();
    h.engine.programs['chatty'] = async ({ print, killed }) => {
      for (let i = 0; i < 10; i += 1) print('y'.repeat(999));
      await aborted(killed);
      return 1;
    };
    const uid = await create(
      { command: ['chatty'], terminationMessagePolicy: 'FallbackToLogsOnError' },
      { restartPolicy: 'Never' },
    );
    await h.untilRunning('web');
    await h.engine.exit(uid, 'main', 1);
    const pod = await h.untilPod('web', (p) => terminated(p) !== undefined);
    expect(terminated(pod)?.message).toHaveLength(2048);
  });
});
