/** The plane's authority as a stranger sees it: shown in the TLS handshake, and compared by its hash. */
import { createHash, X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { Failure, usage } from '../failure.ts';

const connectTimeoutMs = 10_000;

/** `sha256:<hex>` over the public key, as kubeadm's `--discovery-token-ca-cert-hash`. Pure. */
export function authorityHash(ca: string): string {
  const key = new X509Certificate(ca).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** For `--ca-hash`. Pure. */
export function parseHash(text: string): string {
  const hash = text.toLowerCase();
  if (/^sha256:[0-9a-f]{64}$/.test(hash)) return hash;
  throw usage(
    `--ca-hash must be sha256: and 64 hexadecimal digits, not "${text}": ` +
      '"berth token create --print-join-command" on the server prints it',
  );
}

/** The authority that `server` shows, if it has this hash; throws a `Failure` otherwise. PEM. */
export async function discoverAuthority(server: string, hash: string): Promise<string> {
  const shown = await shownAuthority(server);
  if (shown === undefined) {
    throw new Failure(
      `${server} does not show who signed its certificate: is that a Berth server?`,
    );
  }
  const found = authorityHash(shown);
  if (found === hash) return shown;
  throw new Failure(
    `${server} is not the server the hash belongs to: its authority is ${found}, expected was ` +
      `${hash}. Nothing was sent to it. Is the address right? "berth token create ` +
      '--print-join-command" on the server prints both',
  );
}

/** Nothing is believed here yet, and nothing is sent. */
function shownAuthority(server: string): Promise<string | undefined> {
  const { hostname, port } = new URL(server);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      rejectUnauthorized: false,
    });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('timed out')));
    socket.once('secureConnect', () => {
      const root = rootOf(socket.getPeerCertificate(true));
      socket.destroy();
      resolve(root);
    });
    socket.once('error', (cause) => reject(unreachable(server, cause)));
  });
}

/** The end of the chain: who signed itself. */
function rootOf(leaf: DetailedPeerCertificate): string | undefined {
  let at: DetailedPeerCertificate | undefined = leaf;
  for (let depth = 0; depth < 5 && at?.raw !== undefined; depth += 1) {
    const next: DetailedPeerCertificate | undefined = at.issuerCertificate;
    const cert = new X509Certificate(at.raw);
    if (next === undefined || next === at || next.fingerprint256 === at.fingerprint256)
      return cert.checkIssued(cert) ? cert.toString() : undefined;
    at = next;
  }
  return undefined;
}

export function unreachable(server: string, cause: Error): Failure {
  return new Failure(
    `no answer from ${server} (${cause.message}): does the server run there, and does it listen to ` +
      'more than its own machine ("berth up --host 0.0.0.0")?',
    { cause },
  );
}
