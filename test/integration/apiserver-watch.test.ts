/** Watches of the apiserver on both stores: where they begin, what they show, how they end. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  configMap,
  eventually,
  startTestApi,
  storeKinds,
  type TestApi,
  type Watching,
} from '../harness/apiserver.ts';

vi.setConfig({ testTimeout: 120_000 });

describe.each(storeKinds)('watch over %s', (kind) => {
  let api: TestApi;
  let namespaces = 0;
  const merge = { headers: { 'content-type': 'application/merge-patch+json' } };

  /** A namespace of its own, so that a test sees only its own objects. */
  async function place(): Promise<string> {
    namespaces += 1;
    const name = `watch-${namespaces}`;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await api.call('POST', '/api/v1/namespaces', namespace);
    return `/api/v1/namespaces/${name}/configmaps`;
  }

  const versionOf = async (at: string) => (await api.call('GET', at)).body.metadata.resourceVersion;
  const told = ({ events }: Watching) =>
    events
      .filter(({ type }) => type !== 'BOOKMARK')
      .map(({ type, object }) => `${type} ${object.metadata.name}`);

  beforeAll(async () => {
    api = await startTestApi(kind);
  });
  afterAll(() => api.stop());

  test('from now, from a version and from 0', async () => {
    const at = await place();
    await api.call('POST', at, configMap('old'));
    const version = await versionOf(at);
    const since = await api.watch(`${at}?watch=1&resourceVersion=${version}`);
    const any = await api.watch(`${at}?watch=1&resourceVersion=0`);
    const now = await api.watch(`${at}?watch=1`);
    await api.call('POST', at, configMap('new'));
    await api.call('DELETE', `${at}/old`);
    await Promise.all([since.atLeast(2), any.atLeast(3), now.atLeast(3)]);
    expect(told(since)).toEqual(['ADDED new', 'DELETED old']);
    expect(told(now)).toEqual(['ADDED old', 'ADDED new', 'DELETED old']);
    expect(told(any)).toEqual(told(now));
    for (const each of [since, any, now]) each.close();
  });

  test('initial events end with an annotated bookmark', async () => {
    const at = await place();
    await api.call('POST', at, configMap('a'));
    const watching = await api.watch(
      `${at}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    await eventually(() => expect(watching.events).toHaveLength(2));
    expect(watching.events[1]).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    watching.close();
  });

  test('what enters a selection is ADDED, what leaves it DELETED', async () => {
    const at = await place();
    await api.call('POST', at, configMap('a'));
    const watching = await api.watch(
      `${at}?watch=1&labelSelector=in&resourceVersion=${await versionOf(at)}`,
    );
    const label = (value: string | null) =>
      api.call('PATCH', `${at}/a`, { metadata: { labels: { in: value } } }, merge);
    await label('1');
    await label('2');
    await label(null);
    await label('3');
    await watching.atLeast(4);
    expect(told(watching)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a']);
    watching.close();
  });

  test('ends at its timeout with a bookmark of where it stood', async () => {
    const at = await place();
    const watching = await api.watch(`${at}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1`);
    const { body } = await api.call('POST', at, configMap('a'));
    await watching.ended;
    expect(told(watching)).toEqual(['ADDED a']);
    const last = watching.events[watching.events.length - 1];
    expect(last?.type).toBe('BOOKMARK');
    expect(Number(last?.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(
      Number(body.metadata.resourceVersion),
    );
  });

  test('a version that was compacted away is 410; one that was not goes on after a restart', async () => {
    const at = await place();
    const old = await versionOf(at);
    await api.call('POST', at, configMap('a'));
    const kept = await versionOf(at);
    await api.call('POST', at, configMap('b'));
    await api.store.compact(BigInt(kept), { signal: AbortSignal.timeout(5_000) });
    const next = await api.again();
    const resumed = await next.watch(`${at}?watch=1&resourceVersion=${kept}`);
    await resumed.atLeast(1);
    expect(told(resumed)).toEqual(['ADDED b']);
    resumed.close();
    const lost = await next.watch(`${at}?watch=1&resourceVersion=${Number(old) - 1}`);
    await lost.ended;
    expect(lost.events).toMatchObject([
      { type: 'ERROR', object: { code: 410, reason: 'Expired' } },
    ]);
    const list = await next.call(
      'GET',
      `${at}?resourceVersion=${Number(old) - 1}&resourceVersionMatch=Exact`,
    );
    expect(list.status).toBe(410);
    await next.server.stop();
  });

  test('what was left of a revision within which a watcher broke off is told when it goes on', async () => {
    const at = await place();
    const names = ['a', 'b', 'c'];
    for (const name of names) await api.call('POST', at, configMap(name));
    const version = await versionOf(at);
    const folder = `core/configmaps/${at.split('/')[4]}`;
    // As pods are bound: several objects in one transaction.
    const puts = await Promise.all(
      names.map(async (name) => {
        const { body } = await api.call('GET', `${at}/${name}`);
        const value = Buffer.from(JSON.stringify({ ...body, data: { together: 'yes' } }));
        return { type: 'put', key: `${folder}/${name}`, value } as const;
      }),
    );
    const { revision } = await api.store.txn(
      { compare: [], then: puts, otherwise: [] },
      { signal: AbortSignal.timeout(5_000) },
    );
    await api.call('POST', at, configMap('later'));
    const went = await api.watch(`${at}?watch=1&resourceVersion=${revision}`);
    const before = await api.watch(`${at}?watch=1&resourceVersion=${version}`);
    await Promise.all([went.atLeast(3), before.atLeast(4)]);
    expect(told(went)).toEqual(['MODIFIED b', 'MODIFIED c', 'ADDED later']);
    expect(told(before)).toEqual(['MODIFIED a', ...told(went)]);
    went.close();
    before.close();
    // A server that starts knows it from the store's history.
    const next = await api.again();
    const anew = await next.watch(`${at}?watch=1&resourceVersion=${revision}`);
    await anew.atLeast(3);
    expect(told(anew)).toEqual(['MODIFIED b', 'MODIFIED c', 'ADDED later']);
    anew.close();
    await api.store.compact(revision, { signal: AbortSignal.timeout(5_000) });
    const lost = await next.watch(`${at}?watch=1&resourceVersion=${revision}`);
    await lost.ended;
    expect(lost.events).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
    await next.server.stop();
  });

  test('random writers at once: every watcher sees each change once and in order', async () => {
    const at = await place();
    const start = await versionOf(at);
    const watchers = await Promise.all(
      [1, 2, 3].map(() => api.watch(`${at}?watch=1&resourceVersion=${start}`)),
    );
    const written = new Set<string>();
    const writer = async (seed: number) => {
      for (let i = 0; i < 25; i += 1) {
        const name = `n${(seed * 7 + i * 5) % 6}`;
        const made = await api.call('POST', at, configMap(name, { w: `${seed}-${i}` }));
        const answer =
          made.status === 201 || i % 3 > 0
            ? made
            : await api.call('PATCH', `${at}/${name}`, { data: { w: `${seed}-${i}` } }, merge);
        if (answer.status < 300) written.add(answer.body.metadata.resourceVersion);
        if (i % 4 === 0) await api.call('DELETE', `${at}/${name}`);
      }
    };
    await Promise.all([1, 2, 3, 4].map(writer));
    await api.call('POST', at, configMap('the-last'));
    for (const watching of watchers)
      await eventually(() => expect(told(watching)).toContain('ADDED the-last'));
    const first = watchers[0]?.events ?? [];
    for (const { events } of watchers) expect(events).toEqual(first);
    const versions = first.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    // Objects that were written together have one version, each of them once.
    const changes = first.map(({ object: { metadata } }) =>
      [metadata.resourceVersion, metadata.name].join(' '),
    );
    expect(changes).toEqual([...new Set(changes)]);
    for (const version of written) expect(versions).toContain(Number(version));
    expect(replayed(first)).toEqual(await present(at));
    for (const each of watchers) each.close();
  });

  /** What a client's cache holds after these events. */
  function replayed(events: Watching['events']): Record<string, string> {
    const objects = new Map<string, string>();
    for (const { type, object } of events) {
      const { name, resourceVersion } = object.metadata;
      expect(objects.has(name)).toBe(type !== 'ADDED');
      if (type === 'DELETED') objects.delete(name);
      else objects.set(name, resourceVersion);
    }
    return Object.fromEntries([...objects].sort());
  }

  async function present(at: string): Promise<Record<string, string>> {
    const { items } = (await api.call('GET', at)).body;
    return Object.fromEntries(
      items.map(({ metadata }: { metadata: { name: string; resourceVersion: string } }) => [
        metadata.name,
        metadata.resourceVersion,
      ]),
    );
  }

  test('clients that go leave no watch behind', async () => {
    const at = await place();
    const before = await eventually(async () => api.server.watches);
    const watchers = await Promise.all(
      Array.from({ length: 20 }, () => api.watch(`${at}?watch=1`)),
    );
    await eventually(() => expect(api.server.watches).toBe(before + 20));
    for (const each of watchers) each.close();
    await eventually(() => expect(api.server.watches).toBe(before));
  });
});
