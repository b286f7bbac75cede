import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { newCertificateRequest } from '../../client/pkcs10.ts';
import { FakeClock } from '../../lib/clock.ts';
import { readCertificateRequest } from './certificate-request.ts';
import { openPki } from './pki.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-pki-'));
afterAll(() => rmSync(directory, { recursive: true }));

const name = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: ['n1', `${'long.'.repeat(40)}name`],
};

test('what a client writes by hand is what the library reads', async () => {
  const { request } = newCertificateRequest(name);
  expect(await readCertificateRequest(request)).toMatchObject({
    ...name,
    addresses: [],
    others: [],
  });
  const bare = newCertificateRequest({ ...name, dnsNames: [] });
  expect((await readCertificateRequest(bare.request)).dnsNames).toEqual([]);
});

test('a request that was changed on the way, or is none, is refused', async () => {
  const { request } = newCertificateRequest(name);
  const lines = request.trim().split('\n');
  const bytes = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  bytes[bytes.indexOf('system:node:n1') + 13] = 0x32;
  const changed = [lines[0], bytes.toString('base64'), lines.at(-1)].join('\n');
  await expect(readCertificateRequest(changed)).rejects.toThrow('not signed with its own key');
  await expect(readCertificateRequest('nonsense')).rejects.toThrow(TypeError);
});

test('a signed certificate is for that key and those names, no longer than asked, at most a year', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const pki = await openPki(directory, clock);
  const { request, key } = newCertificateRequest({ ...name, dnsNames: ['n1'] });
  const terms = { client: false, server: true, seconds: 3_600 };
  const cert = new X509Certificate(await pki.sign(request, terms));
  expect(cert.verify(new X509Certificate(pki.ca).publicKey)).toBe(true);
  expect(cert.checkPrivateKey((await import('node:crypto')).createPrivateKey(key))).toBe(true);
  expect(cert.subject).toBe('O=system:nodes\nCN=system:node:n1');
  expect(cert.subjectAltName).toBe('DNS:n1');
  expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect([cert.validFrom, cert.validTo].map((text) => Date.parse(text) - clock.now())).toEqual([
    -300_000, 3_600_000,
  ]);
  const long = await pki.sign(request, { client: true, server: false, seconds: 10 ** 9 });
  expect(Date.parse(new X509Certificate(long).validTo) - clock.now()).toBe(365 * 86_400_000);
});
