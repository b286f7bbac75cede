/** The node's two certificates, as a client and as a server: kept on disk, renewed before they expire. */
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../../client/client.ts';
import { type IssuedPair, requestCertificate } from '../../client/request-certificate.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';

export type Purpose = 'client' | 'serving';

export interface NodeCertificatesOptions {
  readonly nodeName: string;
  /** Where `client.pem` and `serving.pem` lie, each a certificate and its key. */
  readonly dir: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long to ask for; absent: as long as the plane gives. */
  readonly seconds?: number | undefined;
  /** Told of each new pair, after it is on disk. */
  readonly onRenewed: (purpose: Purpose, pair: IssuedPair) => void;
}

/** A certificate is renewed when between these parts of its life have passed. Source: kubelet. */
const renewAfter = 0.7;
const renewJitter = 0.2;
/** At least between two requests: a clock that goes wrong makes every certificate an old one. */
const retryMs = 30_000;

/** Renews both until `signal` aborts; a failure is tried again, as long as the old one may serve. */
export async function keepCertificates(
  options: NodeCertificatesOptions,
  { signal }: CallOptions,
): Promise<void> {
  await Promise.all([keep(options, 'client', signal), keep(options, 'serving', signal)]);
}

async function keep(
  options: NodeCertificatesOptions,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<void> {
  const { nodeName, dir, client, clock, random, log, seconds, onRenewed } = options;
  while (!signal.aborted) {
    const pair = await readPair(dir, purpose);
    const dueMs = pair === undefined ? 0 : renewalMs(pair.cert, random.fraction());
    await clock.sleep(Math.max(0, dueMs - clock.now()), signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const wish = { nodeName, purpose, seconds };
      const renewed = await requestCertificate(client, wish, { clock, signal });
      await writePair(dir, purpose, renewed);
      onRenewed(purpose, renewed);
      log.info(
        { purpose, until: new X509Certificate(renewed.cert).validTo },
        'certificate renewed',
      );
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, purpose }, 'certificate not renewed, retrying');
    }
    await clock.sleep(retryMs, signal).catch(() => undefined);
  }
}

/** When to renew, in ms since 1970; `fraction` is in [0, 1). Pure. */
export function renewalMs(cert: string, fraction: number): number {
  const { validFrom, validTo } = new X509Certificate(cert);
  const fromMs = Date.parse(validFrom);
  return fromMs + (Date.parse(validTo) - fromMs) * (renewAfter + renewJitter * fraction);
}

/** `undefined` when it is not there. */
export async function readPair(dir: string, purpose: Purpose): Promise<IssuedPair | undefined> {
  let text: string;
  try {
    text = await readFile(join(dir, `${purpose}.pem`), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // File errors carry a code.
    throw error;
  }
  const keyAt = text.indexOf('-----BEGIN PRIVATE KEY-----');
  return { cert: text.slice(0, keyAt), key: text.slice(keyAt) };
}

/** Both in one file, so that they always belong together. */
export async function writePair(dir: string, purpose: Purpose, pair: IssuedPair): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, `${purpose}.pem`);
  const cert = pair.cert.endsWith('\n') ? pair.cert : `${pair.cert}\n`;
  await writeFile(`${path}.tmp`, `${cert}${pair.key}`, { mode: 0o600 });
  await chmod(`${path}.tmp`, 0o600);
  await rename(`${path}.tmp`, path);
}
