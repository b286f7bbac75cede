import { afterEach, expect, test } from 'vitest';
import type { ConfigMap, Secret } from '../../api/kinds.gen.ts';
import { configMaps, namespaces, secrets, serviceAccounts } from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { rootCaController } from './root-ca.ts';
import { tokenSecretController } from './token-secrets.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const text = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString();

async function setup() {
  const bench = createBench({ kinds: [configMaps, namespaces, secrets, serviceAccounts] });
  benches.push(bench);
  const { api, deps } = bench;
  const signer = {
    ca: 'PEM',
    token: ({ metadata }: { metadata: { uid?: string } }, secret: string) =>
      `${metadata.uid}/${secret}`,
  };
  bench.run(rootCaController(signer.ca));
  bench.run(tokenSecretController(signer, deps));
  await bench.start();
  await api.create(namespaces, object(namespaces, 'a'), { signal });
  await bench.pass();
  const account = async () => {
    const made = await api.create(serviceAccounts, object(serviceAccounts, 'a/robot'), { signal });
    await bench.pass();
    return made.metadata.uid ?? '';
  };
  const secret = async (name: string, annotations: Record<string, string>) => {
    const whole = object(secrets, `a/${name}`, { type: 'kubernetes.io/service-account-token' });
    const metadata = { ...whole.metadata, annotations };
    await api.create(secrets, { ...whole, metadata }, { signal });
    await bench.pass();
  };
  const seen = (name: string) => api.peek<Secret>(secrets, `a/${name}`);
  return { bench, api, account, secret, seen };
}

test('each namespace has the plane’s authority, also after it was changed or deleted', async () => {
  const { bench, api } = await setup();
  const published = () => api.peek<ConfigMap>(configMaps, 'a/kube-root-ca.crt');
  expect(published()?.data).toEqual({ 'ca.crt': 'PEM' });
  expect(published()?.metadata.annotations?.['kubernetes.io/description']).toMatch(/CA bundle/);
  await bench.patch(configMaps, 'a/kube-root-ca.crt', { data: { 'ca.crt': 'x', more: 'y' } });
  await bench.pass();
  expect(published()?.data).toEqual({ 'ca.crt': 'PEM' });
  await api.delete(configMaps, { namespace: 'a', name: 'kube-root-ca.crt' }, { signal });
  await bench.pass();
  expect(published()).toBeDefined();
});

test('a Secret for a token is filled once, and goes with its account', async () => {
  const { bench, api, account, secret, seen } = await setup();
  const uid = await account();
  await secret('robot-token', { 'kubernetes.io/service-account.name': 'robot' });
  const filled = seen('robot-token');
  expect(text(filled?.data?.['token'])).toBe(`${uid}/robot-token`);
  expect(text(filled?.data?.['ca.crt'])).toBe('PEM');
  expect(text(filled?.data?.['namespace'])).toBe('a');
  expect(filled?.metadata.annotations?.['kubernetes.io/service-account.uid']).toBe(uid);
  await bench.patch(secrets, 'a/robot-token', { data: { extra: 'eA==' } });
  await bench.pass();
  expect(seen('robot-token')?.data?.['extra']).toBe('eA==');
  await api.delete(serviceAccounts, { namespace: 'a', name: 'robot' }, { signal });
  await bench.pass();
  expect(seen('robot-token')).toBeUndefined();
});

test('a Secret of no account, or of one that was made anew, is deleted; others stay', async () => {
  const { api, account, secret, seen } = await setup();
  await account();
  await secret('nobodys', { 'kubernetes.io/service-account.name': 'nobody' });
  await secret('old', {
    'kubernetes.io/service-account.name': 'robot',
    'kubernetes.io/service-account.uid': 'before',
  });
  await api.create(secrets, object(secrets, 'a/plain'), { signal });
  expect([seen('nobodys'), seen('old')]).toEqual([undefined, undefined]);
  expect(seen('plain')?.data).toBeUndefined();
});
