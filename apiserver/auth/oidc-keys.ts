/** The keys of an OpenID Connect issuer, found by its discovery document and kept for a while. */
import https from 'node:https';
import { asObject, asString } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { fromJwks, type VerifyingKey } from './jwt.ts';

/** Nothing here rejects but for the signal: an issuer that does not answer is logged, and nobody is believed. */
export interface IssuerKeys {
  /** What is known; asks the issuer when that is nothing, or old. */
  current(signal: AbortSignal): Promise<readonly VerifyingKey[]>;
  /** The keys as they are now; `undefined` when the issuer was asked a moment ago, or does not answer. */
  renewed(signal: AbortSignal): Promise<readonly VerifyingKey[] | undefined>;
}

export type ReadJson = (url: string) => Promise<JsonValue>;

export interface IssuerKeysOptions {
  readonly issuerUrl: string;
  readonly read: ReadJson;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keys are asked for again after so long, so that those the issuer has dropped are dropped here. */
const keepMs = 3_600_000;
/** Tokens of unknown keys make the issuer be asked no more often than this. */
const restMs = 10_000;
const timeoutMs = 10_000;
const documentMaxBytes = 1_048_576;

export function issuerKeys({ issuerUrl, read, clock, log }: IssuerKeysOptions): IssuerKeys {
  let keys: readonly VerifyingKey[] | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<boolean> | undefined;

  // One request at a time, whoever waits; it is not the first one's to end.
  const ask = (): Promise<boolean> => {
    asking ??= (async () => {
      askedMs = clock.now();
      try {
        keys = await readKeys(issuerUrl, read);
        return true;
      } catch (error) {
        log.warn({ err: error, issuerUrl }, 'keys of the OIDC issuer not read');
        return false;
      } finally {
        asking = undefined;
      }
    })();
    return asking;
  };
  const rests = () => asking === undefined && clock.now() - askedMs < restMs;

  return {
    async current(signal) {
      if (keys === undefined && !rests()) await unlessAborted(ask(), signal);
      // Those that are known will do meanwhile.
      else if (clock.now() - askedMs >= keepMs) void ask();
      return keys ?? [];
    },
    async renewed(signal) {
      if (rests()) return undefined;
      return (await unlessAborted(ask(), signal)) ? keys : undefined;
    },
  };
}

async function readKeys(issuerUrl: string, read: ReadJson): Promise<readonly VerifyingKey[]> {
  const url = `${issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = asObject(await read(url));
  const issuer = asString(document?.['issuer']);
  if (issuer !== issuerUrl)
    throw new Error(`${url} is of the issuer "${issuer}": it must be "${issuerUrl}"`);
  return fromJwks(await read(asString(document?.['jwks_uri'])));
}

/** Over HTTPS only. `ca` is PEM; without it the authorities of the system are believed. */
export function httpsReader(ca: string | undefined): ReadJson {
  return (url) =>
    new Promise((resolve, reject) => {
      if (!url.startsWith('https://')) {
        reject(new Error(`"${url}" is no https:// address`));
        return;
      }
      const options = { ...(ca === undefined ? {} : { ca }), timeout: timeoutMs, agent: false };
      const request = https.get(url, options, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > documentMaxBytes) request.destroy(new Error(`${url} is too long`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => {
          try {
            if (response.statusCode !== 200)
              throw new Error(`${url} answered ${response.statusCode}`);
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch (error) {
            reject(error);
          }
        });
      });
      request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)));
      request.on('error', reject);
    });
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
