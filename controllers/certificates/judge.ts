/**
 * Which requests for certificates are approved without a person. Pure.
 * Source: Kubernetes "Certificate Signing Requests", signers; kube-controller-manager csrapproving.
 */
import type { CertificateFacts } from './signer.ts';

export const signers = {
  client: 'kubernetes.io/kube-apiserver-client',
  nodeClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  nodeServing: 'kubernetes.io/kubelet-serving',
} as const;

export interface Asked {
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly username: string;
  readonly groups: readonly string[];
  readonly facts: CertificateFacts;
}

/** What is known about the node that a request names. */
export interface NodeFacts {
  /** It exists and says that it is ready. */
  readonly alive: boolean;
  /** Keys that were given this name a moment ago and may be about to use it. */
  readonly recentKeyIds: readonly string[];
  readonly reservedNames: readonly string[];
}

export type Judgement =
  | { readonly type: 'approve'; readonly reason: string; readonly message: string }
  | { readonly type: 'deny'; readonly reason: string; readonly message: string }
  /** A person's business. */
  | { readonly type: 'leave' };

const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';
const nodeName = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** The node a request is for; `undefined` when it is for something else. */
export function nodeOf({ signerName, facts }: Pick<Asked, 'signerName' | 'facts'>) {
  if (signerName !== signers.nodeClient && signerName !== signers.nodeServing) return undefined;
  if (!facts.commonName.startsWith(nodePrefix)) return undefined;
  return facts.commonName.slice(nodePrefix.length);
}

export function judge(asked: Asked, node: NodeFacts): Judgement {
  const { signerName } = asked;
  if (signerName !== signers.nodeClient && signerName !== signers.nodeServing)
    return { type: 'leave' };
  const name = nodeOf(asked);
  const wrong =
    name === undefined ? 'the common name must be system:node:<name>' : flaw(asked, name);
  if (name === undefined || wrong !== undefined)
    return { type: 'deny', reason: 'InvalidRequest', message: wrong ?? '' };
  if (asked.username === asked.facts.commonName && asked.groups.includes(nodesGroup))
    return approve(`node ${name} asked for its own certificate`);
  if (signerName === signers.nodeServing)
    return deny('NotTheNode', 'only a node itself may ask for its serving certificate');
  if (!asked.groups.includes('system:bootstrappers')) return { type: 'leave' };
  return judgeNewcomer(asked, name, node);
}

function judgeNewcomer({ facts }: Asked, name: string, node: NodeFacts): Judgement {
  if (node.reservedNames.includes(name))
    return deny(
      'NodeNameReserved',
      `"${name}" is a name of the server itself: choose another node name`,
    );
  if (node.alive)
    return deny(
      'NodeNameTaken',
      `a node "${name}" is there and ready: choose another node name, or stop its agent and wait ` +
        'until it is NotReady',
    );
  if (node.recentKeyIds.some((id) => id !== facts.keyId))
    return deny(
      'NodeNameTaken',
      `another machine was given the name "${name}" a moment ago: choose another node name, or try ` +
        'again in two minutes',
    );
  return approve(`a machine with a bootstrap token joins as node ${name}`);
}

/** What is wrong with the form of a node's request. */
function flaw({ signerName, usages, facts }: Asked, name: string): string | undefined {
  if (!nodeName.test(name)) return `"${name}" is no name for a node`;
  if (facts.organizations.join() !== nodesGroup) return `the organization must be ${nodesGroup}`;
  if (facts.others.length > 0) return `it must not name ${facts.others.join(', ')}`;
  const serving = signerName === signers.nodeServing;
  const needed = serving ? 'server auth' : 'client auth';
  const allowed = [needed, 'digital signature', 'key encipherment'];
  if (!usages.includes(needed) || usages.some((usage) => !allowed.includes(usage)))
    return `the usages must be "${needed}" with "digital signature", "key encipherment" or neither`;
  if (facts.addresses.length > 0) return 'it must not name addresses';
  const names = facts.dnsNames.filter((dns) => dns !== name);
  if (names.length > 0 || (facts.dnsNames.length > 0 && !serving))
    return serving ? `it may name ${name} only` : 'a client certificate must not name hosts';
  return undefined;
}

/** Why nobody may have this client certificate, whoever approved it. */
export function unsignable({ signerName, usages, facts }: Asked): string | undefined {
  if (signerName !== signers.client) return undefined;
  if (usages.includes('server auth')) return 'a client certificate must not be for "server auth"';
  const forbidden = ['system:masters', 'berth:apiserver', nodesGroup];
  const group = facts.organizations.find((each) => forbidden.includes(each));
  if (group !== undefined) return `membership in ${group} is not given by certificate requests`;
  if (facts.commonName === 'berth-apiserver' || facts.commonName.startsWith(nodePrefix))
    return `the name ${facts.commonName} is not given to clients`;
  return undefined;
}

function approve(message: string): Judgement {
  return { type: 'approve', reason: 'AutoApproved', message };
}

function deny(reason: string, message: string): Judgement {
  return { type: 'deny', reason, message };
}
