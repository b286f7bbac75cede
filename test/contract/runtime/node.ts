/** What a driver tells of its node: whose things are whose, usage, images. */
import { expect, test } from 'vitest';
import { type Context, find, signal } from './harness.ts';

export function nodeTests(c: Context): void {
  test('two nodes on one engine may have the same instance', async () => {
    const spec = c.one(c.harness.programs.sleeper);
    await c.ensure(spec);
    const other = c.harness.open(`${c.nodeId}-other`);
    const twin = await other.ensure(spec, { signal });
    expect(find(twin)?.state.phase).toBe('running');
    await other.remove(spec.id, { signal, graceMs: 0 });
    expect((await c.state(spec.id))?.phase).toBe('running');
    await other.close();
  });
}

export function usageTests(c: Context): void {
  test('of what runs on this node, by container', async () => {
    const { sleeper, exit7 } = c.harness.programs;
    const spec = c.spec(c.container('a', sleeper), c.container('b', exit7));
    const { containers } = await c.ensure(spec);
    await c.untilExited(spec.id, 'b');
    const other = c.harness.open(`${c.nodeId}-other`);
    expect(await other.stats({ signal })).toEqual([]);
    const [usage, ...more] = await c.runtime.stats({ signal });
    expect(more).toEqual([]);
    expect(usage).toMatchObject({ id: spec.id, namespace: 'test', name: 'web' });
    expect(usage?.containers.map(({ name }) => name)).toEqual(['a']);
    const [a] = usage!.containers;
    expect(a!.containerId).toBe(containers.find(({ name }) => name === 'a')?.containerId);
    expect(a!.workingSetBytes).toBeGreaterThan(0n);
    const [later] = await c.runtime.stats({ signal });
    expect(later!.containers[0]!.cpuNanos).toBeGreaterThanOrEqual(a!.cpuNanos);
  });

  test('of the disk, also after the end', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    const bytes = await c.runtime.diskUsage(spec.id, { signal });
    expect([...bytes.keys()]).toEqual(['main']);
    expect(bytes.get('main')).toBeLessThan(1 << 20);
    expect((await c.runtime.diskUsage('no-such', { signal })).size).toBe(0);
  });
}

export function imageTests(c: Context): void {
  test('an image in use is told with its user, and not removed', async () => {
    const spec = c.one(c.harness.programs.exit7);
    await c.ensure(spec);
    await c.untilExited(spec.id);
    const { images } = await c.runtime.listImages({ signal });
    const image = images.find(({ tags }) => tags.includes(c.harness.image));
    expect(image?.sizeBytes).toBeGreaterThan(0);
    expect(image?.users.join(' ')).toContain('web');
    for (const name of [c.harness.image, image!.id]) {
      const removal = c.runtime.removeImage(name, { signal });
      await expect(removal).rejects.toMatchObject({ reason: 'ImageInUse' });
    }
    expect(await c.runtime.imageInfo(c.harness.image, { signal })).toBeDefined();
  });

  test('one that is not there is as good as removed', async () => {
    await c.runtime.removeImage('berth-test/no-such:1', { signal });
  });
}
