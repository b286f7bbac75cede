/** Pod: graceful deletion, an immutable spec, phase and QoS set by the server. */

import { asArray, asObject, asString, at, child, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField } from '../schema/field-error.ts';
import { changedBindingErrors, cpuBindingErrors } from './cpu-binding.ts';
import { ephemeralContainersPart } from './ephemeral-containers.ts';
import { defaultPodSpec, validatePodSpec } from './pod-spec.ts';
import { podUpdateErrors } from './pod-update.ts';
import { changedReservationErrors, reservationErrors } from './reservation-annotation.ts';
import { gatedCondition, gateErrors, isGated } from './scheduling-gates.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const ended = new Set(['Succeeded', 'Failed']);

export const podStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  returnsDeleted: true,
  alike: true,
  selectableFields: {
    'spec.nodeName': (pod) => asString(at(pod, 'spec', 'nodeName')),
    'spec.restartPolicy': (pod) => asString(at(pod, 'spec', 'restartPolicy')),
    'spec.schedulerName': (pod) => asString(at(pod, 'spec', 'schedulerName')),
    'spec.serviceAccountName': (pod) => asString(at(pod, 'spec', 'serviceAccountName')),
    'spec.hostNetwork': (pod) => String(at(pod, 'spec', 'hostNetwork') === true),
    'status.phase': (pod) => asString(at(pod, 'status', 'phase')),
    'status.podIP': (pod) => asString(at(pod, 'status', 'podIP')),
    'status.nominatedNodeName': (pod) => asString(at(pod, 'status', 'nominatedNodeName')),
  },
  parts: { ephemeralcontainers: ephemeralContainersPart },
  prepareForCreate(pod) {
    const spec = child(pod, 'spec');
    defaultPodSpec(spec);
    nameAccount(spec);
    const gated = isGated(spec) ? { conditions: [gatedCondition] } : {};
    pod['status'] = { phase: 'Pending', ...gated, qosClass: qosClass(spec) };
  },
  prepareForUpdate(pod, old) {
    const spec = child(pod, 'spec');
    defaultPodSpec(spec);
    nameAccount(spec);
    pod['status'] = old['status'];
  },
  validate(pod, old) {
    const spec = asObject(pod['spec']) ?? {};
    const errors: FieldError[] = [
      ...validatePodSpec(spec, 'spec'),
      ...(old === undefined
        ? [
            ...cpuBindingErrors(asObject(pod['metadata']), spec, 'metadata'),
            ...reservationErrors(asObject(pod['metadata']), spec, 'metadata'),
            ...gateErrors(spec),
          ]
        : [...changedBindingErrors(pod, old), ...changedReservationErrors(pod, old)]),
    ];
    if (old === undefined && asArray(spec['ephemeralContainers']).length > 0)
      errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
    if (old !== undefined) errors.push(...podUpdateErrors(spec, asObject(old['spec']) ?? {}));
    return errors;
  },
  /** The list follows the single address. Source: Kubernetes pkg/apis/core/v1, conversion of PodStatus. */
  defaultStatus(status) {
    const ip = asString(status['podIP']);
    const [first] = asArray(status['podIPs']);
    const listed = asString(asObject(first)?.['ip']);
    if (ip !== '' && ip !== listed) status['podIPs'] = [{ ip }];
    else if (ip === '' && listed !== '') status['podIP'] = listed;
  },
  deletion(pod, graceSeconds) {
    const own = at(pod, 'spec', 'terminationGracePeriodSeconds');
    const wanted = graceSeconds ?? (typeof own === 'number' ? own : 30);
    // As upstream takes it: a negative one is as short as can be, but no kill.
    const asked = wanted < 0 ? 1 : wanted;
    const bound = asString(at(pod, 'spec', 'nodeName')) !== '';
    if (!bound || asked === 0 || ended.has(asString(at(pod, 'status', 'phase'))))
      return { type: 'now' };
    return { type: 'graceful', seconds: asked };
  },
};

/** The old name of the field says the same as the new one. */
function nameAccount(spec: JsonObject): void {
  const name = asString(spec['serviceAccountName']) || asString(spec['serviceAccount']);
  if (name === '') return;
  spec['serviceAccountName'] = name;
  spec['serviceAccount'] = name;
}

/** Source: Kubernetes "Pod Quality of Service Classes". */
export function qosClass(spec: JsonObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...asArray(spec['containers']), ...asArray(spec['initContainers'])];
  let any = false;
  let guaranteed = containers.length > 0;
  for (const container of containers) {
    const limits = asObject(at(asObject(container), 'resources', 'limits')) ?? {};
    const requests = asObject(at(asObject(container), 'resources', 'requests')) ?? {};
    for (const name of ['cpu', 'memory']) {
      if (limits[name] !== undefined || requests[name] !== undefined) any = true;
      if (limits[name] === undefined || !equal(requests[name] ?? limits[name], limits[name]))
        guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
