/** The plane's own certificates: a CA made at the first start, and leaves that it signs. */
import { type webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';

const dayMs = 86_400_000;
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
}

/** Opens the PKI in `dir`, making the CA when there is none. Key files get mode 0600. */
export async function openPki(dir: string, clock: Clock): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const present = await readPair(dir, 'ca');
  const ca = present ?? (await makeCa(clock));
  if (present === undefined) await writePair(dir, 'ca', ca);
  return {
    ca: ca.cert,
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

/** Loaded when something must be signed, not before: it costs half a second. */
async function x509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
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
  const lib = await x509();
  const issuer = new lib.X509Certificate(ca.cert);
  const der = lib.PemConverter.decodeFirst(ca.key);
  const signingKey = await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const hosts = request.hosts ?? [];
  const usages = [
    lib.ExtendedKeyUsage.clientAuth,
    ...(hosts.length > 0 ? [lib.ExtendedKeyUsage.serverAuth] : []),
  ];
  const cert = await lib.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [
      ...(request.organizations ?? []).map((name) => ({ O: [name] })),
      { CN: [request.commonName] },
    ],
    issuer: issuer.subject,
    notBefore: new Date(clock.now() - dayMs),
    notAfter: new Date(clock.now() + leafDays * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
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
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) };
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
