/** The plane's own certificates: a CA made at the first start, and leaves that it signs. */
import { type webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { readCertificateRequest } from './certificate-request.ts';
import { x509 } from './x509.ts';

const daySeconds = 86_400;
const dayMs = daySeconds * 1_000;
/** A certificate for another machine is valid a little earlier, because clocks differ. */
const skewMs = 300_000;
const caDays = 3_650;
const leafDays = 365;
/** A leaf that is valid for less than this at a start is signed anew. */
const renewDays = 30;

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface LeafRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses that a server answers for; a client certificate has none. */
  readonly hosts?: readonly string[];
}

export interface Pki {
  /** PEM of the CA's certificate. */
  readonly ca: string;
  /** A certificate under `<dir>/<name>.crt|.key`, kept while it is valid and says the same. */
  leaf(name: string, request: LeafRequest): Promise<KeyPair>;
  /** A certificate for the key of a PKCS#10 request, with its subject and names; PEM. */
  sign(request: string, terms: SigningTerms): Promise<string>;
}

export interface SigningTerms {
  readonly client: boolean;
  readonly server: boolean;
  /** Absent: a year, which is also the most. */
  readonly seconds?: number | undefined;
}

/** Opens the PKI in `dir`, making the CA when there is none. Key files get mode 0600. */
export async function openPki(dir: string, clock: Clock): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const present = await readPair(dir, 'ca');
  const ca = present ?? (await makeCa(clock));
  if (present === undefined) await writePair(dir, 'ca', ca);
  return {
    ca: ca.cert,
    sign: (request, terms) => signRequest(ca, request, terms, clock),
    async leaf(name, request) {
      const kept = await readPair(dir, name);
      if (kept !== undefined && stillGood(kept.cert, ca.cert, request, clock)) return kept;
      const made = await signLeaf(ca, request, clock);
      await writePair(dir, name, made);
      return made;
    },
  };
}

function stillGood(cert: string, ca: string, request: LeafRequest, clock: Clock): boolean {
  const parsed = new X509Certificate(cert);
  if (!parsed.verify(new X509Certificate(ca).publicKey)) return false;
  if (Date.parse(parsed.validTo) - clock.now() < renewDays * dayMs) return false;
  if (!parsed.subject.split('\n').includes(`CN=${request.commonName}`)) return false;
  return (request.hosts ?? []).every(
    (host) => (isAddress(host) ? parsed.checkIP(host) : parsed.checkHost(host)) !== undefined,
  );
}

async function readPair(dir: string, name: string): Promise<KeyPair | undefined> {
  try {
    return {
      cert: await readFile(join(dir, `${name}.crt`), 'utf8'),
      key: await readFile(join(dir, `${name}.key`), 'utf8'),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // File errors carry a code.
    throw error;
  }
}

/** The certificate goes last: a pair is there when it is. */
async function writePair(dir: string, name: string, pair: KeyPair): Promise<void> {
  await writeSecret(join(dir, `${name}.key`), pair.key);
  await writeSecret(join(dir, `${name}.crt`), pair.cert);
}

/** Writes a file of mode 0600 in one step. */
export async function writeSecret(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, text, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

async function makeCa(clock: Clock): Promise<KeyPair> {
  const lib = await x509();
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=berth-ca',
    notBefore: new Date(clock.now() - dayMs),
    notAfter: new Date(clock.now() + caDays * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new lib.BasicConstraintsExtension(true, 0, true),
      new lib.KeyUsagesExtension(
        lib.KeyUsageFlags.keyCertSign |
          lib.KeyUsageFlags.cRLSign |
          lib.KeyUsageFlags.digitalSignature,
        true,
      ),
      await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) };
}

async function signLeaf(ca: KeyPair, request: LeafRequest, clock: Clock): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { commonName, organizations = [], hosts = [] } = request;
  const cert = await certify(ca, {
    publicKey: keys.publicKey,
    commonName,
    organizations,
    hosts,
    client: true,
    server: hosts.length > 0,
    notBeforeMs: clock.now() - dayMs,
    notAfterMs: clock.now() + leafDays * dayMs,
  });
  return { cert, key: await exportKey(keys.privateKey) };
}

async function signRequest(
  ca: KeyPair,
  request: string,
  { client, server, seconds = leafDays * daySeconds }: SigningTerms,
  clock: Clock,
): Promise<string> {
  const { commonName, organizations, dnsNames, addresses, publicKey } =
    await readCertificateRequest(request);
  const lifeMs = Math.min(seconds * 1_000, leafDays * dayMs);
  return certify(ca, {
    publicKey,
    commonName,
    organizations,
    hosts: [...dnsNames, ...addresses],
    client,
    server,
    notBeforeMs: clock.now() - skewMs,
    notAfterMs: clock.now() + lifeMs,
  });
}

interface Certified {
  readonly publicKey: webcrypto.CryptoKey;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly hosts: readonly string[];
  readonly client: boolean;
  readonly server: boolean;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

async function certify(ca: KeyPair, wanted: Certified): Promise<string> {
  const lib = await x509();
  const issuer = new lib.X509Certificate(ca.cert);
  const der = lib.PemConverter.decodeFirst(ca.key);
  const signingKey = await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  const { publicKey, commonName, organizations, hosts, client, server } = wanted;
  const usages = [
    ...(client ? [lib.ExtendedKeyUsage.clientAuth] : []),
    ...(server ? [lib.ExtendedKeyUsage.serverAuth] : []),
  ];
  const cert = await lib.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }],
    issuer: issuer.subject,
    notBefore: new Date(wanted.notBeforeMs),
    notAfter: new Date(wanted.notAfterMs),
    signingAlgorithm: algorithm,
    publicKey,
    signingKey,
    extensions: [
      new lib.BasicConstraintsExtension(false, undefined, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
      new lib.ExtendedKeyUsageExtension(usages),
      await lib.AuthorityKeyIdentifierExtension.create(issuer),
      ...(hosts.length > 0
        ? [
            new lib.SubjectAlternativeNameExtension(
              hosts.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value })),
            ),
          ]
        : []),
    ],
  });
  return cert.toString('pem');
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}

/** 127 random bits, positive. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
