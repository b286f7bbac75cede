/** The strategies of kinds that are more than their schema, filed by `plural.group`. */

import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { salesErrors } from '../../api/node-sales.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';
import { policyBindingStrategy, policyStrategy } from './admission-policy.ts';
import { certificateRequestStrategy } from './certificate-request.ts';
import { configMapStrategy, secretStrategy } from './config.ts';
import { controllerRevisionStrategy } from './controller-revision.ts';
import { crdStrategy } from './crd.ts';
import { disruptionBudgetStrategy } from './disruption-budget.ts';
import { eventStrategy, newerEventStrategy } from './event.ts';
import { ipAddressStrategy, ipPoolStrategy, ipReservationStrategy } from './ip-pool.ts';
import { limitRangeStrategy } from './limit-range.ts';
import { namespaceStrategy } from './namespace.ts';
import { podStrategy } from './pod.ts';
import { priorityClassStrategy } from './priority-class.ts';
import { resourceQuotaStrategy } from './resource-quota.ts';
import { plainStrategy, type Strategy } from './strategy.ts';
import { vmStrategy } from './vm.ts';
import { volumeStrategy } from './volume.ts';
import { volumeSnapshotStrategy } from './volume-snapshot.ts';
import { webhookConfigurationStrategy } from './webhook-configuration.ts';
import { workloadStrategy } from './workload.ts';

const nodeStrategy: Strategy = {
  ...plainStrategy,
  selectableFields: {
    'spec.unschedulable': (node) => String(at(node, 'spec', 'unschedulable') === true),
  },
  validate: (node, old) => nodeSalesErrors(node, old),
  /** What is not kept back can be given out. Source: Kubernetes SetDefaults_NodeStatus. */
  defaultStatus(status) {
    if (status['allocatable'] === undefined && status['capacity'] !== undefined)
      status['allocatable'] = structuredClone(status['capacity']);
  },
};

/** What was written before the rule existed may stay as it is. */
function nodeSalesErrors(node: JsonObject, old: JsonObject | undefined): FieldError[] {
  const annotationsOf = (object: JsonObject | undefined) =>
    asObject(at(object, 'metadata', 'annotations')) ?? {};
  const before = annotationsOf(old);
  const now = annotationsOf(node);
  return salesErrors(now)
    .filter(({ annotation }) => before[annotation] !== now[annotation])
    .map(({ annotation, value, message }) =>
      invalidValue(`metadata.annotations[${annotation}]`, value, message),
    );
}

const leaseStrategy: Strategy = {
  ...plainStrategy,
  createOnUpdate: true,
  typesFirst: true,
  prepareForCreate: (lease) => dropCoordination(lease, undefined),
  prepareForUpdate: dropCoordination,
  validate(lease) {
    const errors: FieldError[] = [];
    for (const [field, least] of [
      ['leaseDurationSeconds', 1],
      ['leaseTransitions', 0],
    ] as const) {
      const value = at(lease, 'spec', field);
      if (typeof value === 'number' && value < least)
        errors.push(
          invalidValue(
            `spec.${field}`,
            value,
            least === 1 ? 'must be greater than 0' : 'must be greater than or equal to 0',
          ),
        );
    }
    return errors;
  },
};

/** Coordinated election is off upstream by default: its fields are dropped unless they were there. */
function dropCoordination(lease: JsonObject, old: JsonObject | undefined): void {
  const spec = asObject(lease['spec']);
  for (const field of ['strategy', 'preferredHolder'])
    if (spec !== undefined && at(old, 'spec', field) === undefined) delete spec[field];
}

const serviceAccountStrategy: Strategy = {
  ...plainStrategy,
  returnsDeleted: true,
  typesFirst: true,
  prepareForCreate: keepSecretNames,
  prepareForUpdate: keepSecretNames,
};

/** Secrets are of the account's own namespace: all but their names is dropped. */
function keepSecretNames(account: JsonObject): void {
  if (account['secrets'] === undefined) return;
  account['secrets'] = objectsOf(account['secrets']).map(({ name }) => ({ name: asString(name) }));
}

const rbacStrategy: Strategy = { ...plainStrategy, nameRule: 'path', createOnUpdate: true };

const roleStrategy: Strategy = {
  ...rbacStrategy,
  typesFirst: true,
  prepareForCreate: nullWithoutRules,
  prepareForUpdate: nullWithoutRules,
};

/** The field is always there; a role without rules has `null`, whether it was sent an empty list or none. */
function nullWithoutRules(role: JsonObject): void {
  if (asArray(role['rules']).length === 0) role['rules'] = null;
}

const bindingStrategy: Strategy = {
  ...rbacStrategy,
  validate(binding, old) {
    if (old === undefined) return [];
    const before = JSON.stringify(old['roleRef']);
    if (JSON.stringify(binding['roleRef']) === before) return [];
    return [invalidValue('roleRef', binding['roleRef'], 'cannot change roleRef')];
  },
};

/** `*` is every built-in kind that is not named. */
export const strategies: Readonly<Record<string, Strategy>> = {
  '*': plainStrategy,
  pods: podStrategy,
  namespaces: namespaceStrategy,
  configmaps: configMapStrategy,
  secrets: secretStrategy,
  nodes: nodeStrategy,
  events: eventStrategy,
  'events.events.k8s.io': newerEventStrategy,
  serviceaccounts: serviceAccountStrategy,
  limitranges: limitRangeStrategy,
  resourcequotas: resourceQuotaStrategy,
  'controllerrevisions.apps': controllerRevisionStrategy,
  'leases.coordination.k8s.io': leaseStrategy,
  'roles.rbac.authorization.k8s.io': roleStrategy,
  'clusterroles.rbac.authorization.k8s.io': roleStrategy,
  'rolebindings.rbac.authorization.k8s.io': bindingStrategy,
  'clusterrolebindings.rbac.authorization.k8s.io': bindingStrategy,
  'customresourcedefinitions.apiextensions.k8s.io': crdStrategy,
  'certificatesigningrequests.certificates.k8s.io': certificateRequestStrategy,
  'poddisruptionbudgets.policy': disruptionBudgetStrategy,
  'priorityclasses.scheduling.k8s.io': priorityClassStrategy,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationStrategy,
  'validatingadmissionpolicies.admissionregistration.k8s.io': policyStrategy,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': policyBindingStrategy,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationStrategy,
  'ipaddresses.berth.dev': ipAddressStrategy,
  'ippools.berth.dev': ipPoolStrategy,
  'ipreservations.berth.dev': ipReservationStrategy,
  'vms.berth.dev': vmStrategy,
  'volumes.berth.dev': volumeStrategy,
  'volumesnapshots.berth.dev': volumeSnapshotStrategy,
  'workloads.berth.dev': workloadStrategy,
};
