import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Pod, PodSecurityContext, SecurityContext } from '../../api/kinds.gen.ts';
import { securityOf } from './security.ts';

const image = (user: string) => ({ id: 'i', sizeBytes: 1, user });
const pod = (securityContext: PodSecurityContext = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1' },
  spec: { containers: [], securityContext },
});
const secured = (own: SecurityContext, shared: PodSecurityContext, user = '', dataDir = '/none') =>
  securityOf({ name: 'c', securityContext: own }, pod(shared), image(user), dataDir);

test.each([
  [{}, {}, '', {}],
  [{}, { runAsUser: 5 }, '', { user: '5' }],
  [{ runAsUser: 7 }, { runAsUser: 5, runAsGroup: 6 }, '', { user: '7:6' }],
  [{ runAsGroup: 6 }, {}, '', { user: '0:6' }],
  [{ runAsGroup: 6 }, {}, 'app:app', { user: 'app:6' }],
  [{}, { supplementalGroups: [1, 2], fsGroup: 3 }, '', { groups: [1, 2, 3] }],
  [{ allowPrivilegeEscalation: false }, {}, '', { noNewPrivileges: true }],
  [
    { capabilities: { drop: ['ALL'], add: ['CHOWN'] } },
    {},
    '',
    { capabilities: { add: ['CHOWN'], drop: ['ALL'] } },
  ],
  [{}, { seccompProfile: { type: 'Unconfined' } }, '', { seccomp: 'Unconfined' }],
  [
    { seccompProfile: { type: 'RuntimeDefault' } },
    { seccompProfile: { type: 'Unconfined' } },
    '',
    {},
  ],
  [{ runAsNonRoot: true }, {}, '1000', {}],
  [{ runAsNonRoot: false }, { runAsNonRoot: true }, '', {}],
] as const)('own %j, pod %j, image user "%s": %j', async (own, shared, user, expected) => {
  expect(await secured(own, shared, user)).toEqual(expected);
});

const who = '(pod: "web_default(u1)", container: c)';

test.each([
  [{ runAsUser: 0 }, '1000', `container's runAsUser breaks non-root policy ${who}`],
  [{}, '', `container has runAsNonRoot and image will run as root ${who}`],
  [{}, '0:0', `container has runAsNonRoot and image will run as root ${who}`],
  [
    {},
    'app',
    `container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root ${who}`,
  ],
])('non-root: %j on an image of user "%s" is refused', async (own, user, words) => {
  await expect(secured(own, { runAsNonRoot: true }, user)).rejects.toThrow(words);
});

test('a profile of the node is read from its folder, and from nowhere else', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'berth-seccomp-'));
  try {
    await mkdir(join(dataDir, 'seccomp'));
    await writeFile(join(dataDir, 'seccomp', 'strict.json'), '{"a":1}');
    await writeFile(join(dataDir, 'secret.json'), '{}');
    const at = (localhostProfile: string) =>
      secured({ seccompProfile: { type: 'Localhost', localhostProfile } }, {}, '', dataDir);
    expect(await at('strict.json')).toEqual({ seccomp: { profile: '{"a":1}' } });
    await expect(at('../secret.json')).rejects.toThrow(/relative path/);
    await expect(at('absent.json')).rejects.toThrow(/cannot load seccomp profile/);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
