/** Who is who in a plane: its authority, the certificates it signed, tokens and the kubeconfig. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import {
  type KeyPair,
  openPki,
  openTokenKeys,
  readCertificateRequest,
  readTokens,
  type StaticToken,
  secretToken,
  type TokenKeys,
  writeSecret,
} from '../../apiserver/index.ts';
import { formatKubeconfig } from '../../client/kubeconfig.ts';
import type { CertificateSigner } from '../../controllers/certificates/signer.ts';
import type { TokenSecretSigner } from '../../controllers/service-accounts/token-secrets.ts';
import { systemClock } from '../../lib/clock.ts';
import { isAny, outsideAddresses, type PlaneConfig, serverUrl } from './config.ts';
import type { PlanePaths } from './paths.ts';

export interface Identity {
  /** PEM. */
  readonly ca: string;
  readonly serving: KeyPair;
  /** What the apiserver shows to agents. */
  readonly agentClient: KeyPair;
  readonly admin: KeyPair;
  readonly tokens: readonly StaticToken[];
  /** Of service accounts. */
  readonly tokenKeys: TokenKeys;
  readonly signer: CertificateSigner;
  readonly tokenSigner: TokenSecretSigner;
}

/** Reads, or makes at the first start, what the server needs. */
export async function openIdentity(
  paths: PlanePaths,
  { host, tlsSans = [] }: PlaneConfig,
): Promise<Identity> {
  const pki = await openPki(paths.pki, systemClock);
  const own = isAny(host) ? outsideAddresses() : [host];
  const hosts = [...new Set(['127.0.0.1', 'localhost', hostname(), ...own, ...tlsSans])];
  const serving = await pki.leaf('apiserver', { commonName: 'berth-apiserver', hosts });
  const agentClient = await pki.leaf('apiserver-agent', {
    commonName: 'berth-apiserver',
    organizations: ['berth:apiserver'],
  });
  const admin = await pki.leaf('admin', {
    commonName: 'berth-admin',
    organizations: ['system:masters'],
  });
  if (!existsSync(paths.tokens)) {
    const token = randomBytes(24).toString('hex');
    await writeSecret(paths.tokens, `${token},berth-admin,berth-admin,"system:masters"\n`);
  }
  const signer: CertificateSigner = {
    read: readCertificateRequest,
    sign: (request, terms) => pki.sign(request, terms),
    reservedNames: hosts,
  };
  const [tokens, tokenKeys] = await Promise.all([
    readTokens(paths.tokens),
    openTokenKeys(paths.pki),
  ]);
  const tokenSigner: TokenSecretSigner = {
    ca: pki.ca,
    token: ({ metadata: { namespace = '', name = '', uid = '' } }, secretName) =>
      secretToken(tokenKeys, { namespace, name, uid }, secretName),
  };
  return { ca: pki.ca, serving, agentClient, admin, tokens, tokenKeys, signer, tokenSigner };
}

/** A node's certificate: what it shows to the apiserver, and what its own server shows. */
export async function nodeIdentity(
  paths: PlanePaths,
  nodeName: string,
  hosts: readonly string[],
): Promise<KeyPair & { readonly ca: string }> {
  const pki = await openPki(paths.pki, systemClock);
  const pair = await pki.leaf(`node-${nodeName}`, {
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
    hosts: [...new Set([nodeName, ...hosts])],
  });
  return { ...pair, ca: pki.ca };
}

/** Writes the administrator's kubeconfig, with everything inside it. */
export async function writeKubeconfig(
  paths: PlanePaths,
  { host, port }: PlaneConfig,
  { ca, admin }: Identity,
): Promise<void> {
  const server = serverUrl(host, port);
  const text = formatKubeconfig({ server, ca, ...admin, user: 'berth-admin', name: 'berth' });
  if (existsSync(paths.kubeconfig) && readFileSync(paths.kubeconfig, 'utf8') === text) return;
  await writeSecret(paths.kubeconfig, text);
}
