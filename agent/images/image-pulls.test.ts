import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import type { RegistryCredentials } from '../../runtime/runtime.ts';
import { ImagePulls } from './image-pulls.ts';

function scene() {
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock, registry: ['app:1'] });
  engine.slowPulls.set('app:1', 10_000);
  const pulls = new ImagePulls();
  const runtime = engine.runtime('n');
  const pull = (signal: AbortSignal, credentials: readonly RegistryCredentials[] = []) =>
    pulls.pull({ runtime, image: 'app:1', credentials, progress: () => undefined }, { signal });
  return { clock, engine, pull };
}

const forever = new AbortController().signal;
const as = (username: string) => ({ username, password: 'x', server: 'r' });

test('the same image is pulled once for all, and goes on while one of them waits', async () => {
  const { clock, engine, pull } = scene();
  const first = new AbortController();
  const one = pull(first.signal);
  const two = pull(forever);
  await clock.advance(5_000);
  first.abort(new Error('gone'));
  await expect(one).rejects.toThrow('gone');
  await clock.advance(5_000);
  await two;
  expect(engine.calls).toEqual(['pull app:1']);
  expect(engine.images.has('app:1')).toBe(true);
});

test('it ends with the last who waited, and can begin anew', async () => {
  const { clock, engine, pull } = scene();
  const only = new AbortController();
  const one = pull(only.signal);
  await clock.advance(5_000);
  only.abort(new Error('gone'));
  await expect(one).rejects.toThrow('gone');
  await clock.advance(10_000);
  expect(engine.images.has('app:1')).toBe(false);
  const again = pull(forever);
  await clock.advance(10_000);
  await again;
  expect(engine.calls).toEqual(['pull app:1', 'pull app:1']);
});

test('credentials are tried in order, and other ones have a pull of their own', async () => {
  const { clock, engine, pull } = scene();
  engine.registryUsers.set('app:1', 'me:x');
  const refused = pull(forever, [as('you')]).catch((error: Error) => error.message);
  const letIn = pull(forever, [as('you'), as('me')]);
  await clock.advance(10_000);
  expect(await refused).toContain('access denied');
  await clock.advance(10_000);
  await letIn;
  expect(engine.calls).toHaveLength(3);
});
