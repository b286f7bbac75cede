/** The plugins of a server, in Kubernetes' order: what changes objects first, what counts them last. */
import type { JsonObject } from '../../api/meta.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Random } from '../../lib/random.ts';
import { type AccessDeps, refuseEscalation } from '../auth/escalation.ts';
import { nodeNameOf } from '../auth/node.ts';
import { restrictNode } from '../auth/node-restriction.ts';
import { AdmissionChain } from './chain.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { limitRanger } from './limit-ranger/index.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import type { AdmissionPlugin, Attributes } from './plugin.ts';
import { validatingPolicies } from './policy/index.ts';
import { priority } from './priority.ts';
import { replicasBeyondNodes } from './replicas-beyond-nodes.ts';
import { resourceQuota } from './resource-quota/index.ts';
import { serviceAccount } from './service-account.ts';
import { volumeSource } from './volume-source.ts';
import type { AskDeps } from './webhooks/ask.ts';
import { mutatingWebhooks } from './webhooks/mutating.ts';
import { validatingWebhooks } from './webhooks/validating.ts';
import { WebhookMetrics } from './webhooks/webhook-metrics.ts';

export { AdmissionChain } from './chain.ts';
export type {
  AdmissionPlugin,
  Attributes,
  GroupVersionKind,
  Operation,
} from './plugin.ts';

export interface AdmissionDeps extends AccessDeps, Omit<AskDeps, 'metrics'> {
  readonly metrics: Metrics;
  readonly random: Random;
  /** Names of plugins that are left out. */
  readonly disabled?: readonly string[];
}

export function createAdmission(deps: AdmissionDeps): AdmissionChain {
  const asking = { ...deps, metrics: new WebhookMetrics(deps.metrics) };
  const plugins: readonly AdmissionPlugin[] = [
    namespaceLifecycle(deps.objects),
    limitRanger(deps.objects.cache),
    serviceAccount(deps),
    nodeRestriction,
    priority(deps.objects),
    defaultTolerationSeconds,
    escalationCheck(deps),
    volumeSource(deps.objects),
    replicasBeyondNodes(deps.objects.cache),
    mutatingWebhooks(asking),
    validatingPolicies(asking),
    validatingWebhooks(asking),
    resourceQuota(deps),
  ];
  return new AdmissionChain(plugins.filter(({ name }) => deps.disabled?.includes(name) !== true));
}

const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  handles: ({ operation, user }) => isWrite(operation) && nodeNameOf(user) !== undefined,
  validate(attributes, object) {
    if (object !== undefined) restrictNode(writeOf(attributes, object));
  },
};

/** Not a plugin to Kubernetes, whose storage of roles does it: nobody grants what they do not hold. */
function escalationCheck(deps: AccessDeps): AdmissionPlugin {
  return {
    name: 'PrivilegeEscalation',
    handles: ({ operation, served }) =>
      isWrite(operation) && served.group === 'rbac.authorization.k8s.io',
    validate(attributes, object) {
      if (object === undefined) return;
      refuseEscalation(deps, { ...writeOf(attributes, object), name: attributes.requestName });
    },
  };
}

function isWrite(operation: Attributes['operation']): boolean {
  return operation === 'CREATE' || operation === 'UPDATE';
}

function writeOf({ served, user, old }: Attributes, object: JsonObject) {
  return { group: served.group, plural: served.plural, user, object, old };
}
