/** What cannot be: told with its reason, and nothing is left of it. */
import { expect, test } from 'vitest';
import { type Context, find, signal } from './harness.ts';

export function failureTests(c: Context): void {
  test('a missing image is named, and nothing is left', async () => {
    const image = 'berth-test/absent:1';
    await expect(c.runtime.ensureImage(image, 'Never', { signal })).rejects.toMatchObject({
      reason: 'ImageMissing',
      message: expect.stringContaining(image),
    });
    const spec = c.one(c.harness.programs.sleeper, { image });
    await expect(c.ensure(spec)).rejects.toMatchObject({
      reason: 'ImageMissing',
      container: 'main',
    });
    expect(await c.runtime.list({ signal })).toEqual([]);
    await c.runtime.ensureImage(c.harness.image, 'Never', { signal });
    await c.runtime.ensureImage(c.harness.image, 'IfNotPresent', { signal });
  });

  test('an image name that is none', async () => {
    const pull = c.runtime.ensureImage('Not An Image', 'Always', { signal });
    await expect(pull).rejects.toMatchObject({ reason: 'InvalidSpec' });
  });

  test('an image that cannot be pulled', async () => {
    const pull = c.runtime.ensureImage('localhost:1/berth/absent:1', 'IfNotPresent', { signal });
    await expect(pull).rejects.toMatchObject({ reason: 'ImagePullFailed' });
  });

  test('what cannot be started is not left half made, and can be tried again', async () => {
    const spec = c.one({ command: ['/berth/absent'] });
    for (const _ of [1, 2]) {
      await expect(c.ensure(spec)).rejects.toMatchObject({
        reason: 'StartFailed',
        container: 'main',
        message: expect.stringContaining('/berth/absent'),
      });
    }
    expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
    const cured = c.container('main', c.harness.programs.sleeper);
    const status = await c.ensure({ ...spec, containers: [cured] });
    expect(find(status)?.state.phase).toBe('running');
  });

  test('a failing container leaves those before it running', async () => {
    const good = c.container('good', c.harness.programs.sleeper);
    const spec = c.spec(good, c.container('bad', { command: ['/berth/absent'] }));
    await expect(c.ensure(spec)).rejects.toMatchObject({ container: 'bad' });
    expect((await c.state(spec.id, 'good'))?.phase).toBe('running');
    expect(await c.state(spec.id, 'bad')).toBeUndefined();
  });

  test('invalid specifications', async () => {
    const mounts = [{ hostPath: '/nonexistent', containerPath: '/mnt', readOnly: true }];
    const bad = [
      c.one(c.harness.programs.sleeper, { mounts }),
      c.spec(
        c.container('twin', c.harness.programs.sleeper),
        c.container('twin', c.harness.programs.sleeper),
      ),
    ];
    for (const spec of bad) {
      await expect(c.ensure(spec)).rejects.toMatchObject({ reason: 'InvalidSpec' });
    }
    expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
  });
}
