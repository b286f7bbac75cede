/** `--oidc-…`: users of an OpenID Connect issuer, with kube-apiserver's flags. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { OidcOptions } from '../../apiserver/index.ts';
import { Failure, usage } from '../failure.ts';

/** As commander hands them over, and as they are kept. */
export interface OidcFlags {
  readonly oidcIssuerUrl?: string;
  readonly oidcClientId?: string;
  readonly oidcUsernameClaim?: string;
  readonly oidcUsernamePrefix?: string;
  readonly oidcGroupsClaim?: string;
  readonly oidcGroupsPrefix?: string;
  /** `claim=value` each. */
  readonly oidcRequiredClaim?: readonly string[];
  readonly oidcCaFile?: string;
}

const names = [
  'oidcIssuerUrl',
  'oidcClientId',
  'oidcUsernameClaim',
  'oidcUsernamePrefix',
  'oidcGroupsClaim',
  'oidcGroupsPrefix',
  'oidcRequiredClaim',
  'oidcCaFile',
] as const;

export function addOidcOptions(command: Command): Command {
  return command
    .option('--oidc-issuer-url <url>', 'OpenID Connect issuer whose users are believed (https://)')
    .option('--oidc-client-id <id>', 'audience that their tokens must be for')
    .option('--oidc-username-claim <claim>', 'claim with the name of the user (default: sub)')
    .option(
      '--oidc-username-prefix <text>',
      'put before names; "-" is nothing (default: the issuer and "#"; nothing for email)',
    )
    .option('--oidc-groups-claim <claim>', 'claim with the groups of the user (default: none)')
    .option('--oidc-groups-prefix <text>', 'put before groups (default: nothing)')
    .option(
      '--oidc-required-claim <claim=value>',
      'claim that a token must have; may be given several times',
      (pair: string, pairs: readonly string[] = []) => [...pairs, requiredPair(pair)],
    )
    .option(
      '--oidc-ca-file <file>',
      "authority of the issuer's certificate (default: the system's)",
    );
}

function requiredPair(text: string): string {
  if (/^[^=]+=/.test(text)) return text;
  throw usage(`--oidc-required-claim must be claim=value, not "${text}"`);
}

/** Only what was said, with paths made absolute. */
export function oidcFlags(options: OidcFlags): OidcFlags {
  const { oidcIssuerUrl: url, oidcCaFile } = options;
  if (url !== undefined && !URL.canParse(url))
    throw usage(`--oidc-issuer-url must be an https:// address, not "${url}"`);
  if (url !== undefined && !url.startsWith('https://'))
    throw usage(`--oidc-issuer-url must begin with https://, not "${url}"`);
  const said = names.flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const paths = oidcCaFile === undefined ? {} : { oidcCaFile: resolve(oidcCaFile) };
  return { ...Object.fromEntries(said), ...paths };
}

/** `undefined` when there is no such issuer. Throws `Failure` for what does not fit together. */
export function openOidc(
  config: OidcFlags,
): (OidcOptions & { readonly ca: string | undefined }) | undefined {
  const { oidcIssuerUrl: issuerUrl, oidcClientId: clientId } = config;
  if (issuerUrl === undefined && clientId === undefined) {
    const [alone] = names.filter((name) => config[name] !== undefined);
    if (alone === undefined) return undefined;
    throw new Failure('the --oidc-… options need --oidc-issuer-url and --oidc-client-id');
  }
  if (issuerUrl === undefined || clientId === undefined)
    throw new Failure('--oidc-issuer-url and --oidc-client-id go together');
  return {
    issuerUrl,
    clientId,
    usernameClaim: config.oidcUsernameClaim,
    usernamePrefix: config.oidcUsernamePrefix,
    groupsClaim: config.oidcGroupsClaim,
    groupsPrefix: config.oidcGroupsPrefix,
    requiredClaims: Object.fromEntries((config.oidcRequiredClaim ?? []).map(splitPair)),
    ca: config.oidcCaFile === undefined ? undefined : readAuthority(config.oidcCaFile),
  };
}

function splitPair(pair: string): readonly [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(`--oidc-ca-file cannot be read: ${why}`, { cause });
  }
}
