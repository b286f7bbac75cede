/** Asks the plane for a certificate with a CertificateSigningRequest, and waits for it. */
import type { CertificateSigningRequest } from '../api/kinds.gen.ts';
import { certificateSigningRequests } from '../api/resources.gen.ts';
import type { Clock } from '../lib/clock.ts';
import type { Client } from './client.ts';
import { newCertificateRequest } from './pkcs10.ts';

export interface CertificateWish {
  readonly nodeName: string;
  readonly purpose: 'client' | 'serving';
  /** Absent: as long as the plane gives. */
  readonly seconds?: number | undefined;
}

export interface IssuedPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export class CertificateError extends Error {
  override readonly name = 'CertificateError';
  /** `Denied` and `Failed` are the plane's last word, `Timeout` says that nobody has decided. */
  readonly reason: 'Denied' | 'Failed' | 'Timeout';

  constructor(reason: CertificateError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

const pollMs = 250;
const waitMs = 60_000;

/** Throws `CertificateError`, or `StatusError` when the server cannot be asked. */
export async function requestCertificate(
  client: Client,
  { nodeName, purpose, seconds }: CertificateWish,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<IssuedPair> {
  const serving = purpose === 'serving';
  const { request, key } = newCertificateRequest({
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
    dnsNames: serving ? [nodeName] : [],
  });
  const wish: CertificateSigningRequest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: serving ? 'csr-serving-' : 'csr-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: serving
        ? 'kubernetes.io/kubelet-serving'
        : 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', serving ? 'server auth' : 'client auth'],
      ...(seconds === undefined ? {} : { expirationSeconds: seconds }),
    },
  };
  const created = await client.create(certificateSigningRequests, wish, { signal });
  const name = created.metadata.name ?? '';
  for (const untilMs = clock.now() + waitMs; ; ) {
    const seen = await client.get<CertificateSigningRequest>(
      certificateSigningRequests,
      { name },
      { signal },
    );
    const cert = certificateOf(seen);
    if (cert !== undefined) return { cert, key };
    if (clock.now() > untilMs)
      throw new CertificateError(
        'Timeout',
        `nobody approved the request ${name} within ${waitMs / 1000} s: see "kubectl get csr"`,
      );
    await clock.sleep(pollMs, signal);
  }
}

function certificateOf({ status }: CertificateSigningRequest): string | undefined {
  for (const type of ['Denied', 'Failed'] as const) {
    const decision = status?.conditions?.find((each) => each.type === type);
    if (decision === undefined) continue;
    throw new CertificateError(type, decision.message || `the request was ${type.toLowerCase()}`);
  }
  const { certificate = '' } = status ?? {};
  return certificate === '' ? undefined : Buffer.from(certificate, 'base64').toString('utf8');
}
