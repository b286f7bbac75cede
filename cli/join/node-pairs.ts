/** The certificates of an agent that was given a kubeconfig instead of a token: it renews them from then on. */
import { X509Certificate } from 'node:crypto';
import { readPair, writePair } from '../../agent/node/node-certificates.ts';
import type { IssuedPair } from '../../client/request-certificate.ts';

interface GivenPair extends IssuedPair {
  /** PEM of the plane's authority. */
  readonly ca: string;
}

/**
 * What the agent shows as client and as server: what it has renewed itself, in `dir`, or what the kubeconfig holds while
 * that is newer, or of another node or plane. One from `berth kubeconfig --node` serves for both.
 */
export async function nodePairs(
  dir: string,
  given: GivenPair,
): Promise<{ readonly client: IssuedPair; readonly serving: IssuedPair }> {
  const { cert, key } = given;
  const stored = await readPair(dir, 'client');
  const serving = await readPair(dir, 'serving');
  if (stored !== undefined && serving !== undefined && isNewer(stored.cert, given))
    return { client: stored, serving };
  await writePair(dir, 'client', { cert, key });
  await writePair(dir, 'serving', { cert, key });
  return { client: { cert, key }, serving: { cert, key } };
}

/** Of the same node, signed by the same plane, and valid at least as long. */
function isNewer(stored: string, { cert, ca }: GivenPair): boolean {
  const [ours, theirs] = [new X509Certificate(stored), new X509Certificate(cert)];
  return (
    ours.subject === theirs.subject &&
    ours.verify(new X509Certificate(ca).publicKey) &&
    Date.parse(ours.validTo) >= Date.parse(theirs.validTo)
  );
}
