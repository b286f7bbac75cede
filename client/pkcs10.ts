/**
 * A new key and the request for a certificate for it (PKCS#10, RFC 2986), as PEM. Written by hand: it is
 * a page of DER, and a library for it costs an agent more memory than all its other certificates.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface RequestedName {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
}

/** The key is an ECDSA one on P-256, PKCS #8. */
export function newCertificateRequest(name: RequestedName): { request: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = encodeRequest(name, publicKey, privateKey);
  return {
    request: pem('CERTIFICATE REQUEST', request),
    // A PEM export is text.
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function encodeRequest(name: RequestedName, publicKey: KeyObject, privateKey: KeyObject): Buffer {
  const info = sequence(
    der(0x02, Buffer.from([0])),
    subject(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    attributes(name.dnsNames),
  );
  const signature = sign('sha256', info, privateKey);
  return sequence(
    info,
    sequence(oid(ecdsaWithSha256)),
    der(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
}

const ecdsaWithSha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const organization = [0x55, 0x04, 0x0a];
const commonNameOid = [0x55, 0x04, 0x03];
const extensionRequest = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const subjectAltName = [0x55, 0x1d, 0x11];

function subject({ commonName, organizations }: RequestedName): Buffer {
  const part = (type: readonly number[], value: string) =>
    set(sequence(oid(type), der(0x0c, Buffer.from(value))));
  return sequence(
    ...organizations.map((each) => part(organization, each)),
    part(commonNameOid, commonName),
  );
}

function attributes(dnsNames: readonly string[]): Buffer {
  if (dnsNames.length === 0) return der(0xa0, Buffer.alloc(0));
  const names = sequence(...dnsNames.map((name) => der(0x82, Buffer.from(name, 'latin1'))));
  const extensions = sequence(sequence(oid(subjectAltName), der(0x04, names)));
  return der(0xa0, sequence(oid(extensionRequest), set(extensions)));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(0x31, Buffer.concat(parts));
}

function oid(bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
