/** CertificateSigningRequests: approved or denied where that is ours to say, signed, cleaned up. */
import { findCondition, formatTime } from '../../api/conditions.ts';
import type { CertificateSigningRequest, Node } from '../../api/kinds.gen.ts';
import { certificateSigningRequests, nodes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type Controller, defineController, type Reconcile } from '../kit/controller.ts';
import { type Asked, judge, nodeOf, signers, unsignable } from './judge.ts';
import type { CertificateSigner } from './signer.ts';

type Context = Reconcile<CertificateSigningRequest>;

/** Old requests are deleted; one that nobody decided about waits for a day. Source: csrcleaner. */
const decidedMs = 3_600_000;
const pendingMs = 86_400_000;
/** How long a machine that was given a name may take to appear under it. */
const recentMs = 120_000;

const ours: ReadonlySet<string> = new Set(Object.values(signers));

export function certificateController(
  signer: CertificateSigner,
): Controller<CertificateSigningRequest> {
  return defineController<CertificateSigningRequest>({
    name: 'certificate-controller',
    for: certificateSigningRequests,
    observedGeneration: false,
    // One after the other, so that one name is never given away twice.
    concurrency: 1,
    async reconcile(_key, ctx) {
      const { object, client, clock, signal } = ctx;
      const { name = '', creationTimestamp, uid } = object.metadata;
      const ageMs = clock.now() - Date.parse(creationTimestamp ?? '');
      const keepMs = isDecided(object) ? decidedMs : pendingMs;
      if (ageMs >= keepMs) {
        const preconditions = uid === undefined ? {} : { uid };
        await client.delete(certificateSigningRequests, { name }, { preconditions, signal });
        return undefined;
      }
      if (ours.has(object.spec.signerName)) await decide(signer, ctx);
      return { requeueAfterMs: keepMs - ageMs };
    },
  });
}

async function decide(signer: CertificateSigner, ctx: Context): Promise<void> {
  const { object } = ctx;
  if (has(object, 'Denied') || has(object, 'Failed')) return;
  if ((object.status?.certificate ?? '') !== '') return;
  const pem = Buffer.from(object.spec.request, 'base64').toString('utf8');
  let asked: Asked;
  try {
    const { signerName, usages = [], username = '', groups = [] } = object.spec;
    asked = { signerName, usages, username, groups, facts: await signer.read(pem) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return await record(ctx, object, 'Failed', 'InvalidRequest', message);
  }
  const approved = has(object, 'Approved') ? object : await autoApprove(signer, ctx, asked);
  if (approved === undefined) return;
  const why = unsignable(asked);
  if (why !== undefined) return await record(ctx, approved, 'Failed', 'NotSigned', why);
  await issue(signer, ctx, approved, pem);
}

/** The request as approved; `undefined` when it is not, or not by us. */
async function autoApprove(
  signer: CertificateSigner,
  ctx: Context,
  asked: Asked,
): Promise<CertificateSigningRequest | undefined> {
  const { object, client, signal, log } = ctx;
  const judgement = judge(asked, await nodeFacts(signer, ctx, asked));
  if (judgement.type === 'leave') return undefined;
  const type = judgement.type === 'approve' ? 'Approved' : 'Denied';
  const decided = withCondition(ctx, object, type, judgement.reason, judgement.message);
  const options = { subresource: 'approval', signal };
  const written = await client.update(certificateSigningRequests, decided, options);
  const { name } = object.metadata;
  log.info({ name, requestor: asked.username, decision: type, why: judgement.message }, 'decided');
  return type === 'Approved' ? written : undefined;
}

/** Asked of the server, not of the cache: what was signed a moment ago counts. */
async function nodeFacts(signer: CertificateSigner, ctx: Context, asked: Asked) {
  const { client, clock, signal, object } = ctx;
  const { reservedNames } = signer;
  const name = nodeOf(asked);
  if (name === undefined || asked.username === asked.facts.commonName)
    return { alive: false, recentKeyIds: [], reservedNames };
  const { items } = await client.list<CertificateSigningRequest>(certificateSigningRequests, {
    signal,
  });
  const recentKeyIds: string[] = [];
  for (const { metadata, spec, status } of items) {
    const ageMs = clock.now() - Date.parse(metadata.creationTimestamp ?? '');
    if (metadata.uid === object.metadata.uid || ageMs > recentMs) continue;
    if (spec.signerName !== signers.nodeClient || (status?.certificate ?? '') === '') continue;
    const facts = await signer.read(Buffer.from(spec.request, 'base64').toString('utf8'));
    if (facts.commonName === asked.facts.commonName) recentKeyIds.push(facts.keyId);
  }
  return { alive: await isAlive(ctx, name), recentKeyIds, reservedNames };
}

async function isAlive({ client, signal }: Context, name: string): Promise<boolean> {
  try {
    const node = await client.get<Node>(nodes, { name }, { signal });
    return findCondition(node.status?.conditions, 'Ready')?.status === 'True';
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false;
    throw error;
  }
}

async function issue(
  signer: CertificateSigner,
  { client, signal, log }: Context,
  approved: CertificateSigningRequest,
  pem: string,
): Promise<void> {
  const { signerName, usages = [], expirationSeconds } = approved.spec;
  const server = signerName === signers.nodeServing && usages.includes('server auth');
  const terms = { client: !server, server, seconds: expirationSeconds };
  const certificate = Buffer.from(await signer.sign(pem, terms)).toString('base64');
  const signed = { ...approved, status: { ...approved.status, certificate } };
  await client.update(certificateSigningRequests, signed, { subresource: 'status', signal });
  log.info({ name: approved.metadata.name, signerName }, 'certificate signed');
}

async function record(
  ctx: Context,
  request: CertificateSigningRequest,
  type: string,
  reason: string,
  message: string,
): Promise<void> {
  const failed = withCondition(ctx, request, type, reason, message);
  const options = { subresource: 'status', signal: ctx.signal };
  await ctx.client.update(certificateSigningRequests, failed, options);
}

function withCondition(
  { clock }: Context,
  request: CertificateSigningRequest,
  type: string,
  reason: string,
  message: string,
): CertificateSigningRequest {
  const now = formatTime(clock.now());
  const added = { type, status: 'True' as const, reason, message };
  const dated = { ...added, lastUpdateTime: now, lastTransitionTime: now };
  const conditions = [...(request.status?.conditions ?? []), dated];
  return { ...request, status: { ...request.status, conditions } };
}

function has({ status }: CertificateSigningRequest, type: string): boolean {
  return status?.conditions?.some((each) => each.type === type && each.status === 'True') ?? false;
}

function isDecided(request: CertificateSigningRequest): boolean {
  return ['Approved', 'Denied', 'Failed'].some((type) => has(request, type));
}
