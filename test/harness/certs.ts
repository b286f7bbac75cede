import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of PEM files: an authority, and a certificate by it for 127.0.0.1, server and client. */
export interface TestCerts {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

/** Makes them with the openssl binary in a temporary folder. */
export function makeCerts(): TestCerts {
  const directory = mkdtempSync(join(tmpdir(), 'berth-certs-'));
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    ...['req', '-x509', ...newKey, '-subj', '/CN=test ca', '-days', '2'],
    ...['-keyout', at('ca.key'), '-out', at('ca.crt')],
  );
  openssl(...['req', ...newKey, '-subj', '/CN=root'], ...['-keyout', at('key'), '-out', at('csr')]);
  writeFileSync(
    at('ext'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  openssl(
    ...['x509', '-req', '-in', at('csr'), '-CA', at('ca.crt'), '-CAkey', at('ca.key')],
    ...['-CAcreateserial', '-days', '2', '-extfile', at('ext'), '-out', at('crt')],
  );
  return {
    ca: at('ca.crt'),
    cert: at('crt'),
    key: at('key'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
