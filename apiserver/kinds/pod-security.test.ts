import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { validatePodSpec } from './pod-spec.ts';

const wrong = (spec: JsonObject, securityContext: JsonObject = {}) =>
  validatePodSpec(
    { containers: [{ name: 'c', image: 'i', securityContext }], ...spec },
    'spec',
  ).map(({ field }) => field);

test.each([
  [{}, { allowPrivilegeEscalation: false }, []],
  [
    {},
    { allowPrivilegeEscalation: false, privileged: true },
    ['spec.containers[0].securityContext'],
  ],
  [
    {},
    { allowPrivilegeEscalation: false, capabilities: { add: ['CAP_SYS_ADMIN'] } },
    ['spec.containers[0].securityContext'],
  ],
  [
    {},
    { seccompProfile: { type: 'Localhost' } },
    ['spec.containers[0].securityContext.seccompProfile.localhostProfile'],
  ],
  [
    { securityContext: { seccompProfile: { type: 'Unconfined', localhostProfile: 'a' } } },
    {},
    ['spec.securityContext.seccompProfile.localhostProfile'],
  ],
  [{ hostPID: true, shareProcessNamespace: true }, {}, ['spec.shareProcessNamespace']],
  [{ dnsPolicy: 'None' }, {}, ['spec.dnsConfig.nameservers']],
  [{ dnsPolicy: 'None', dnsConfig: { nameservers: ['9.9.9.9'] } }, {}, []],
])('pod %j, container %j: %j', (spec, context, fields) => {
  expect(wrong(spec, context)).toEqual(fields);
});
