import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { seededRandom } from '../../lib/random.ts';
import { tokenMountPath, withAccount } from './service-account.ts';

const given = (spec: JsonObject, account: JsonObject = {}) =>
  withAccount(spec, 'robot', account, seededRandom(1)) as Record<string, JsonObject[]>;
const mount = (name: string) => ({ name, readOnly: true, mountPath: tokenMountPath });

test('every container gets the token, from one volume', () => {
  const spec = given({
    initContainers: [{ name: 'i' }],
    containers: [{ name: 'a' }, { name: 'b' }],
  });
  const name = String(spec['volumes']?.[0]?.['name']);
  expect(name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  expect(spec['serviceAccountName']).toBe('robot');
  for (const list of ['initContainers', 'containers'])
    for (const container of spec[list] ?? [])
      expect(container['volumeMounts']).toEqual([mount(name)]);
  expect(spec['volumes']).toEqual([
    {
      name,
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [
                {
                  path: 'namespace',
                  fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                },
              ],
            },
          },
        ],
      },
    },
  ]);
});

test('a mount at its place stays, and a volume that is there already is used', () => {
  const own = { name: 'own', mountPath: tokenMountPath };
  const kept = given({
    containers: [{ name: 'a', volumeMounts: [own] }],
    volumes: [{ name: 'own' }],
  });
  expect(kept['containers']).toEqual([{ name: 'a', volumeMounts: [own] }]);
  expect(kept['volumes']).toEqual([{ name: 'own' }]);
  const volumes = [{ name: 'kube-api-access-copied', projected: {} }];
  const copied = given({ containers: [{ name: 'a' }], volumes });
  expect(copied['containers']?.[0]?.['volumeMounts']).toEqual([mount('kube-api-access-copied')]);
  expect(copied['volumes']).toEqual(volumes);
});

test.each([
  [undefined, undefined, true],
  [undefined, false, false],
  [true, false, true],
  [false, true, false],
])('pod %s, account %s: mounted %s', (pod, account, mounted) => {
  const field = (value: boolean | undefined): JsonObject =>
    value === undefined ? {} : { automountServiceAccountToken: value };
  const spec = given({ containers: [{ name: 'a' }], ...field(pod) }, field(account));
  expect(spec['volumes'] !== undefined).toBe(mounted);
});

test('Secrets for registries come from the account unless the pod names some', () => {
  const account = { imagePullSecrets: [{ name: 'theirs' }] };
  const own = [{ name: 'own' }];
  expect(given({ containers: [] }, account)['imagePullSecrets']).toEqual([{ name: 'theirs' }]);
  expect(given({ containers: [], imagePullSecrets: own }, account)['imagePullSecrets']).toEqual(
    own,
  );
  expect(given({ containers: [] })['imagePullSecrets']).toBeUndefined();
});
