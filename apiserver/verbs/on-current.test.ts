import { describe, expect, it } from 'vitest';
import { notFound, StatusError } from '../../api/status.ts';
import type { Cached } from '../storage/cached.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { onCurrent, type Start } from './on-current.ts';

const version = (revision: bigint): Cached => ({
  key: '/configmaps/default/a',
  revision,
  object: { metadata: { name: 'a' } },
  bytes: 0,
  views: new Map(),
});

/** The cache knows `cached`, the store has `stored`; counts the reads of the store. */
function world(cached: Cached | undefined, stored: Cached | undefined) {
  let reads = 0;
  const objects = {
    cache: { newest: () => cached },
    get: async () => {
      reads += 1;
      return stored;
    },
  };
  const request = {
    kind: { group: '', plural: 'configmaps', namespaced: true },
    info: { namespace: 'default', name: 'a' },
    request: { signal: new AbortController().signal },
  };
  return {
    run: (attempt: (start: Start) => Promise<string | undefined>) =>
      onCurrent(
        { objects } as unknown as VerbDeps, // Nothing else is looked at.
        request as unknown as KindRequest, // Nothing else is looked at.
        attempt,
      ),
    reads: () => reads,
  };
}

describe('onCurrent', () => {
  it('does not read the store when the cached object serves', async () => {
    const { run, reads } = world(version(7n), version(7n));
    expect(await run(async ({ old }) => `${old?.revision}`)).toBe('7');
    expect(reads()).toBe(0);
  });

  it('reads the store where it is asked whether the cached object is still there', async () => {
    const ask = async ({ old, isCurrent }: Start) => `${old?.revision} ${await isCurrent()}`;
    expect(await world(version(7n), version(7n)).run(ask)).toBe('7 true');
    expect(await world(version(7n), version(9n)).run(ask)).toBe('7 false');
    expect(await world(undefined, version(9n)).run(ask)).toBe('9 true');
  });

  it('does not ask a second time for a refusal of what is stored', async () => {
    let attempts = 0;
    const refuse = () => {
      attempts += 1;
      return Promise.reject(new StatusError(403, 'Forbidden', 'no'));
    };
    await expect(world(version(7n), version(7n)).run(refuse)).rejects.toThrow('no');
    expect(attempts).toBe(1);
  });

  it('starts from the store when the cached object was overtaken', async () => {
    const { run, reads } = world(version(7n), version(9n));
    const write = async ({ old }: Start) => (old?.revision === 9n ? 'written' : undefined);
    expect(await run(write)).toBe('written');
    expect(reads()).toBe(1);
  });

  it('believes a refusal only of the stored object', async () => {
    const { run } = world(version(7n), version(9n));
    const refuseOld = async ({ old }: Start) => {
      if (old?.revision === 7n) throw new StatusError(409, 'Conflict', 'too old');
      return 'written';
    };
    expect(await run(refuseOld)).toBe('written');
    const refuse = () => Promise.reject(new StatusError(422, 'Invalid', 'never'));
    await expect(run(refuse)).rejects.toThrow('never');
  });

  it('does not repeat a write whose outcome is not known', async () => {
    const { run, reads } = world(version(7n), version(9n));
    let writes = 0;
    const lost = () => {
      writes += 1;
      return Promise.reject(new StatusError(503, 'ServiceUnavailable', 'the store is away'));
    };
    await expect(run(lost)).rejects.toThrow('the store is away');
    expect([writes, reads()]).toEqual([1, 0]);
  });

  it('hands over nothing where nothing is stored, also when the cache still has it', async () => {
    const { run } = world(version(7n), undefined);
    const attempt = async ({ old, isCurrent }: Start) => {
      if (old === undefined) throw notFound({ group: '', resource: 'configmaps' }, 'a');
      return (await isCurrent()) ? 'there' : undefined;
    };
    await expect(run(attempt)).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('gives up after being overtaken again and again', async () => {
    const { run, reads } = world(version(7n), version(9n));
    expect(await run(async () => undefined)).toBeUndefined();
    expect(reads()).toBe(5);
  });
});
