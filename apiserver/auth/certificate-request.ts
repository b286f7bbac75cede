/** What a PKCS#10 request says. */
import type { webcrypto } from 'node:crypto';
import { x509 } from './x509.ts';

export interface RequestFacts {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  /** Names of other kinds, or subject fields other than CN and O, which nobody here signs. */
  readonly others: readonly string[];
  readonly publicKey: webcrypto.CryptoKey;
  /** Base64; the same for two requests with one key. */
  readonly keyId: string;
}

const subjectAltName = '2.5.29.17';

/** Throws a `TypeError` when it cannot be read, or was not signed with the key it holds. */
export async function readCertificateRequest(pem: string): Promise<RequestFacts> {
  const lib = await x509();
  let request: InstanceType<typeof lib.Pkcs10CertificateRequest>;
  try {
    request = new lib.Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw new TypeError('the request is no PKCS#10 request', { cause });
  }
  if (!(await request.verify())) throw new TypeError('the request is not signed with its own key');
  const extension = request.getExtension(subjectAltName);
  const names =
    extension === null
      ? []
      : new lib.SubjectAlternativeNameExtension(extension.rawData).names.toJSON();
  const ofType = (type: string) => names.filter((name) => name.type === type).map((n) => n.value);
  const subject = request.subjectName.toJSON().flatMap((part) => Object.entries(part));
  const field = (wanted: string) =>
    subject.filter(([name]) => name === wanted).flatMap(([, values]) => values);
  return {
    commonName: field('CN')[0] ?? '',
    organizations: field('O'),
    dnsNames: ofType('dns'),
    addresses: ofType('ip'),
    others: [
      ...names.filter(({ type }) => type !== 'dns' && type !== 'ip').map(({ type }) => type),
      ...subject.map(([name]) => name).filter((name) => name !== 'CN' && name !== 'O'),
    ],
    publicKey: await request.publicKey.export(),
    keyId: Buffer.from(request.publicKey.rawData).toString('base64'),
  };
}
