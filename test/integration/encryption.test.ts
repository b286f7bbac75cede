/** Secrets encrypted in the store: what lies there, keys that change, go missing, and values that were changed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type EncryptionConfiguration, readEncryption } from '../../apiserver/index.ts';
import type { Store } from '../../store/index.ts';
import {
  type Body,
  eventually,
  signal,
  startTestApi,
  storeKinds,
  type TestApi,
} from '../harness/apiserver.ts';

vi.setConfig({ testTimeout: 120_000 });

const at = '/api/v1/namespaces/default/secrets';
const password = 'correct-horse-battery-staple';
const encoded = Buffer.from(password).toString('base64');

let api: TestApi | undefined;
afterEach(async () => {
  await api?.stop();
  api = undefined;
});

function keys(names: readonly string[], { plain = false } = {}): EncryptionConfiguration {
  const aesgcm = {
    keys: names.map((name) => ({
      name,
      secret: Buffer.alloc(32, name).toString('base64'),
    })),
  };
  return readEncryption({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [
      { resources: ['secrets'], providers: [{ aesgcm }, ...(plain ? [{ identity: {} }] : [])] },
    ],
  });
}

function secret(name: string): Body {
  const metadata = { name };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data: { password: encoded } };
}

async function stored(store: Store, name: string): Promise<string> {
  const entry = await store.get(`core/secrets/default/${name}`, { signal });
  return Buffer.from(entry?.value ?? []).toString('latin1');
}

async function unchanged(server: TestApi, name: string): Promise<string> {
  const type = { headers: { 'content-type': 'application/merge-patch+json' } };
  const answer = await server.call('PATCH', `${at}/${name}`, {}, type);
  expect(answer.status).toBe(200);
  return answer.body.metadata.resourceVersion;
}

describe.each(storeKinds)('on %s', (kind) => {
  test('the bytes of a secret are not in the store; reads, watches and patches see it', async () => {
    api = await startTestApi(kind, { encryption: keys(['one']) });
    const watch = await api.watch(`${at}?watch=1&resourceVersion=0`);
    expect((await api.call('POST', at, secret('a'))).status).toBe(201);
    const labelled = { metadata: { labels: { seen: 'yes' } } };
    const type = { headers: { 'content-type': 'application/merge-patch+json' } };
    expect((await api.call('PATCH', `${at}/a`, labelled, type)).status).toBe(200);
    await watch.atLeast(2);
    expect(watch.events.map(({ object }) => object.data.password)).toEqual([encoded, encoded]);
    watch.close();
    expect((await api.call('GET', `${at}/a`)).body.data.password).toBe(encoded);
    expect(await stored(api.store, 'a')).toMatch(/^k8s:enc:aesgcm:v1:one:/);
    for (const needle of [password, encoded, 'resourceVersion', '"seen"'])
      expect(await stored(api.store, 'a')).not.toContain(needle);
    if (kind === 'embedded') {
      const file = readFileSync(join(api.directory, 'store', 'data.mdb'));
      expect(file.includes('k8s:enc:aesgcm:v1:one:')).toBe(true);
      expect(file.includes(encoded)).toBe(false);
    }
    const again = await api.again();
    expect((await again.call('GET', at)).body.items[0].data.password).toBe(encoded);
    expect((await api.call('DELETE', `${at}/a`)).status).toBe(200);
  });

  test('keys are rotated: the new one is added, what is written again gets it, the old one goes', async () => {
    api = await startTestApi(kind);
    await api.call('POST', at, secret('old'));
    expect(await stored(api.store, 'old')).toContain(encoded);
    await expect(api.server.encrypt(keys(['one']))).rejects.toThrow('stored in plain text');
    await api.server.encrypt(keys(['one'], { plain: true }));
    const version = await unchanged(api, 'old');
    expect(await stored(api.store, 'old')).toMatch(/^k8s:enc:aesgcm:v1:one:/);
    expect(await unchanged(api, 'old')).toBe(version);
    await api.server.encrypt(keys(['two', 'one']));
    await expect(api.server.encrypt(keys(['two']))).rejects.toThrow('with key "one"');
    expect((await api.call('GET', `${at}/old`)).body.data.password).toBe(encoded);
    expect(await unchanged(api, 'old')).not.toBe(version);
    await api.server.encrypt(keys(['two']));
    expect(await stored(api.store, 'old')).toMatch(/^k8s:enc:aesgcm:v1:two:/);
    expect((await api.call('GET', `${at}/old`)).body.data.password).toBe(encoded);
  });

  test('without the key no server starts, and the error names it', async () => {
    api = await startTestApi(kind, { encryption: keys(['one']) });
    await api.call('POST', at, secret('a'));
    await expect(api.again({ encryption: keys(['two']) })).rejects.toThrow(
      'core/secrets/default/a is encrypted with key "one", which is not among the keys',
    );
    await expect(api.again({ encryption: [] })).rejects.toThrow('with key "one"');
  });

  test('a value that was changed or moved is an error, and the rest is served once it is gone', async () => {
    api = await startTestApi(kind, { encryption: keys(['one']) });
    await api.call('POST', at, secret('a'));
    const entry = await api.store.get('core/secrets/default/a', { signal });
    const key = 'core/secrets/default/b';
    const moved = { type: 'put', key, value: entry?.value ?? Buffer.alloc(0) } as const;
    await api.store.txn({ compare: [], then: [moved], otherwise: [] }, { signal });
    const answer = await api.call('GET', `${at}/b`);
    expect(answer.status).toBe(500);
    expect(answer.body.message).toContain('core/secrets/default/b cannot be decrypted with key');
    expect(answer.text).not.toContain(encoded);
    const server = api;
    await eventually(async () => expect((await server.call('GET', '/readyz')).status).toBe(500));
    await api.store.txn(
      { compare: [], then: [{ type: 'delete', key }], otherwise: [] },
      { signal },
    );
    await eventually(async () => expect((await server.call('GET', '/readyz')).status).toBe(200));
    expect((await api.call('GET', at)).body.items).toHaveLength(1);
    expect((await api.call('POST', at, secret('c'))).status).toBe(201);
  });
});
