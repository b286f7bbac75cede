import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { makeTokenKeys } from '../../test/harness/token-keys.ts';
import type { Identity } from './identity.ts';
import { renewalCheckMs, renewCertificates } from './renew-certificates.ts';

function identity(cert: string): Identity {
  const pair = { cert, key: 'k' };
  const never = () => Promise.reject(new Error('nothing is signed here'));
  const signer = { read: never, sign: never, reservedNames: [] };
  return {
    ca: 'ca',
    serving: pair,
    agentClient: pair,
    admin: pair,
    tokens: [],
    tokenKeys: makeTokenKeys(),
    signer,
    tokenSigner: { ca: 'ca', token: () => '' },
  };
}

test('a certificate that was signed anew is handed on, once, also after a failure', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const renewed: string[] = [];
  let answer = () => Promise.resolve(identity('old'));
  const deps = {
    open: () => answer(),
    onRenewed: ({ serving }: Identity) => void renewed.push(serving.cert),
    clock,
    log: silentLog,
  };
  const running = renewCertificates(identity('old'), deps, stop.signal);
  await clock.advance(renewalCheckMs);
  expect(renewed).toEqual([]);
  answer = () => Promise.reject(new Error('the disk is full'));
  await clock.advance(renewalCheckMs);
  answer = () => Promise.resolve(identity('new'));
  await clock.advance(3 * renewalCheckMs);
  expect(renewed).toEqual(['new']);
  stop.abort();
  await running;
});
