/** Workload: what ties its fields together and no schema can say. */

import { asArray, asObject, asString, at, child, equal } from '../../api/json.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateQualifiedName } from '../../api/names.ts';
import { reservationAnnotation } from '../../api/reservation-refs.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, required } from '../schema/field-error.ts';
import { cpuBindingErrors } from './cpu-binding.ts';
import { defaultPodSpec, validatePodSpec } from './pod-spec.ts';
import { reservationErrors } from './reservation-annotation.ts';
import { customStrategy, type Strategy } from './strategy.ts';
import { claimTemplateErrors, withClaims } from './workload-claims.ts';
import { defaultRuns, runErrors } from './workload-runs.ts';

export const workloadStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  prepareForCreate(workload) {
    defaultTemplate(workload);
    defaultRuns(workload);
  },
  prepareForUpdate(workload, old) {
    defaultTemplate(workload);
    defaultRuns(workload, old);
  },
  validate(workload, old) {
    const pod = asObject(at(workload, 'spec', 'template', 'spec')) ?? {};
    const metadata = asObject(at(workload, 'spec', 'template', 'metadata'));
    const runtimeClassName = at(workload, 'spec', 'runtime') ?? 'docker';
    return [
      ...selectorErrors(workload, old),
      ...placementErrors(workload),
      ...gangErrors(workload),
      ...updateErrors(workload),
      ...deadlineErrors(workload),
      ...validatePodSpec({ ...withClaims(pod, workload), runtimeClassName }, 'spec.template.spec'),
      ...cpuBindingErrors(metadata, pod, 'spec.template.metadata'),
      ...reservationErrors(metadata, pod, 'spec.template.metadata'),
      ...runErrors(workload, old),
      ...dependencyErrors(workload),
      ...addressErrors(workload),
      ...claimTemplateErrors(workload, old),
    ];
  },
};

function defaultTemplate(workload: JsonObject): void {
  const template = asObject(at(workload, 'spec', 'template'));
  if (template !== undefined) defaultPodSpec(child(template, 'spec'));
}

function selectorErrors(workload: JsonObject, old: JsonObject | undefined): FieldError[] {
  const selector = asObject(at(workload, 'spec', 'selector')) ?? {};
  if (old !== undefined && !equal(selector, at(old, 'spec', 'selector')))
    return [invalidValue('spec.selector', selector, 'field is immutable')];
  const labels = asObject(at(workload, 'spec', 'template', 'metadata', 'labels')) ?? {};
  const texts = Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, asString(value)]),
  );
  if (Object.keys(selector).length === 0)
    return [
      invalidValue(
        'spec.selector',
        {},
        'empty selector is invalid: name the labels of the template',
      ),
    ];
  if (fromLabelSelectorObject(selector).matches(texts)) return [];
  return [
    invalidValue(
      'spec.template.metadata.labels',
      labels,
      '`selector` does not match template `labels`: give the template the labels that spec.selector names',
    ),
  ];
}

/** The counts by node belong to the strategies that count by node. */
function placementErrors(workload: JsonObject): FieldError[] {
  const placement = asObject(at(workload, 'spec', 'placement')) ?? {};
  const { strategy, perNode, nodes, topologyKey } = placement;
  if (strategy === 'Each' || strategy === 'Fill') {
    if (topologyKey !== undefined) {
      const why = `strategy ${strategy} counts by node: name the nodes by a node selector`;
      return [forbiddenField('spec.placement.topologyKey', why)];
    }
    if (perNode !== undefined) return [];
    const why = `strategy ${strategy} counts by node: say how many instances a node should have`;
    return [required('spec.placement.perNode', why)];
  }
  if (topologyKey !== undefined) {
    const [why] = validateQualifiedName(asString(topologyKey));
    if (why !== undefined) {
      return [invalidValue('spec.placement.topologyKey', topologyKey, why)];
    }
  }
  return Object.entries({ perNode, nodes }).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const why = 'only with strategies Each and Fill: use replicas and placement.maxPerNode';
    return [forbiddenField(`spec.placement.${name}`, why)];
  });
}

function gangErrors(workload: JsonObject): FieldError[] {
  const { minMember } = asObject(at(workload, 'spec', 'placement', 'gang')) ?? {};
  const replicas = at(workload, 'spec', 'replicas') ?? 1;
  const byNode = at(workload, 'spec', 'placement', 'perNode') !== undefined;
  if (byNode || minMember === undefined || Number(minMember) <= Number(replicas)) return [];
  const why = `there are ${String(replicas)} replicas, so that so many can never fit`;
  return [invalidValue('spec.placement.gang.minMember', minMember, why)];
}

/** The schema's. */
const defaultSurge = '25%';

function updateErrors(workload: JsonObject): FieldError[] {
  const update = asObject(at(workload, 'spec', 'update')) ?? {};
  const { maxUnavailable, maxSurge } = update;
  const errors: FieldError[] = [];
  const stable = at(workload, 'spec', 'identity') === 'Stable';
  const strategy = at(workload, 'spec', 'placement', 'strategy');
  const byNode = strategy === 'Each' || strategy === 'Fill';
  // The default is not what somebody has written: it is taken as 0.
  const surges = maxSurge !== undefined && maxSurge !== defaultSurge && !isZero(maxSurge);
  if (stable && surges)
    errors.push(
      invalidValue(
        'spec.update.maxSurge',
        maxSurge,
        'a Workload with identity Stable cannot surge: its names are taken. Use maxUnavailable',
      ),
    );
  else if (byNode && surges)
    errors.push(
      invalidValue(
        'spec.update.maxSurge',
        maxSurge,
        `strategy ${strategy} has so many on each node and no more: use maxUnavailable`,
      ),
    );
  else if (isZero(maxUnavailable) && (stable || byNode || isZero(maxSurge)))
    errors.push(invalidValue('spec.update.maxUnavailable', 0, 'may not be 0 when `maxSurge` is 0'));
  return errors;
}

/** The schema's. */
const defaultDeadlineSeconds = 600;

function deadlineErrors(workload: JsonObject): FieldError[] {
  const spec = asObject(workload['spec']) ?? {};
  const { progressDeadlineSeconds: deadline = defaultDeadlineSeconds, minReadySeconds = 0 } = spec;
  if (typeof deadline !== 'number' || typeof minReadySeconds !== 'number') return [];
  if (deadline > minReadySeconds) return [];
  const why = 'must be greater than minReadySeconds: else no rollout could ever be in time';
  return [invalidValue('spec.progressDeadlineSeconds', deadline, why)];
}

function isZero(value: unknown): boolean {
  return value === 0 || value === '0%' || value === '0';
}

/** Longer circles are found by the controller: one request sees one object. */
function dependencyErrors(workload: JsonObject): FieldError[] {
  const own = asString(at(workload, 'metadata', 'name'));
  return asArray(at(workload, 'spec', 'dependsOn')).flatMap((value, index) => {
    const { kind = 'Workload', name } = asObject(value) ?? {};
    if (kind !== 'Workload' || asString(name) !== own || own === '') return [];
    const field = `spec.dependsOn[${index}].name`;
    return [invalidValue(field, own, `a workload cannot depend on itself (${own} → ${own})`)];
  });
}

/** An address stays with a name, and only such instances have names that stay. */
function addressErrors(workload: JsonObject): FieldError[] {
  const { addresses, identity, type = 'Service', template } = asObject(workload['spec']) ?? {};
  if (addresses === undefined) return [];
  const errors: FieldError[] = [];
  if (at(asObject(template), 'spec', 'hostNetwork') === true) {
    const why =
      'instances with hostNetwork have the addresses of their nodes: leave one of the two out';
    errors.push(forbiddenField('spec.addresses', why));
  }
  if (identity !== 'Stable') {
    const why = 'instances of identity Ephemeral have new names each time: set identity to Stable';
    errors.push(forbiddenField('spec.addresses', why));
  }
  if (type !== 'Service')
    errors.push(
      forbiddenField('spec.addresses', `a workload of type ${type} cannot keep addresses`),
    );
  const field = 'spec.template.metadata.annotations';
  if (at(asObject(template), 'metadata', 'annotations', reservationAnnotation) !== undefined) {
    const why = `spec.addresses gives each instance a reservation of its own: name one of the two`;
    errors.push(forbiddenField(`${field}[${reservationAnnotation}]`, why));
  }
  return errors;
}
