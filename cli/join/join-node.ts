/** How a machine becomes a node: the authority is compared, then the token buys a certificate. */
import { X509Certificate } from 'node:crypto';
import { writePair } from '../../agent/node/node-certificates.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { CertificateError, requestCertificate } from '../../client/request-certificate.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { Failure } from '../failure.ts';
import { discoverAuthority, unreachable } from '../plane/authority.ts';
import type { PlanePaths } from '../plane/paths.ts';
import { type Joined, saveJoined } from './joined.ts';

export interface JoinRequest extends Omit<Joined, 'ca'> {
  readonly token: string;
  readonly caHash: string;
}

/** Signed certificates are valid this much earlier; more than that apart, and clocks are wrong. */
const skewMs = 300_000;
const joinTimeoutMs = 90_000;

/** Gets and keeps both certificates; throws a `Failure` with the remedy. */
export async function joinNode(paths: PlanePaths, request: JoinRequest): Promise<Joined> {
  const { token, caHash, ...known } = request;
  const { servers, nodeName, certificateSeconds: seconds } = known;
  // Any of them: they are one plane.
  const [server = ''] = servers;
  const ca = await discoverAuthority(server, caHash);
  const signal = AbortSignal.timeout(joinTimeoutMs);
  const call = { clock: systemClock, signal };
  const ask = async (credentials: object, purpose: 'client' | 'serving') => {
    const transport = createHttpsTransport({ server, ca, ...credentials });
    const client = createClient(transport, { userAgent: 'berth-join', clock: systemClock });
    try {
      return await requestCertificate(client, { nodeName, purpose, seconds }, call);
    } catch (error) {
      throw explained(error, server, nodeName);
    } finally {
      transport.close();
    }
  };
  const pair = await ask({ token }, 'client');
  checkClock(pair.cert, Date.now());
  const serving = await ask(pair, 'serving');
  await writePair(paths.agentPki, 'client', pair);
  await writePair(paths.agentPki, 'serving', serving);
  const joined = { ...known, ca };
  saveJoined(paths, joined);
  return joined;
}

function explained(error: unknown, server: string, nodeName: string): unknown {
  if (error instanceof CertificateError) {
    return new Failure(`the server refused node "${nodeName}": ${error.message}`, { cause: error });
  }
  if (!(error instanceof StatusError)) return error;
  if (error.code === 401) {
    const why =
      error.message === 'Unauthorized' ? 'the server does not know the token' : error.message;
    return new Failure(
      `${why}: make a new one on the server with "berth token create --print-join-command"`,
      { cause: error },
    );
  }
  if (!hasReason(error, 'ServiceUnavailable') || !(error.cause instanceof Error)) return error;
  return explainedTls(error.cause, server);
}

/** The authority is the right one, and still the connection failed. */
function explainedTls(cause: Error, server: string): Failure {
  const code = 'code' in cause ? String(cause.code) : '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new Failure(
      `the certificate of ${server} is not for that address: start the server with ` +
        `--tls-san ${new URL(server).hostname}, or use an address it is for`,
      { cause },
    );
  }
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    return new Failure(
      `the certificate of ${server} is not valid at this machine's time, ` +
        `${new Date().toISOString()}: set the clock of this machine or of the server`,
      { cause },
    );
  }
  return unreachable(server, cause);
}

/** A certificate that was made just now tells what time it is on the server. */
function checkClock(cert: string, nowMs: number): void {
  const serverMs = Date.parse(new X509Certificate(cert).validFrom) + skewMs;
  const aheadMs = nowMs - serverMs;
  if (Math.abs(aheadMs) <= skewMs) return;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  throw new Failure(
    `the clock of this machine is ${minutes} minutes ${aheadMs > 0 ? 'ahead of' : 'behind'} the ` +
      "server's: set one of them right, then join again",
  );
}
