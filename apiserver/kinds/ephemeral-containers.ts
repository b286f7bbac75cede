/**
 * `pods/ephemeralcontainers`: the way by which containers are added to a running pod. Source: Kubernetes
 * "Ephemeral Containers", and pkg/apis/core/validation.
 */
import {
  asArray,
  asObject,
  asString,
  at,
  child,
  copyOf,
  equal,
  objectsOf,
} from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { duplicateValue, forbiddenField, required } from '../schema/field-error.ts';
import { validateContainerSecurity } from './pod-security.ts';
import { defaultPodSpec } from './pod-spec.ts';
import type { PartStrategy } from './strategy.ts';
import { validateDevices } from './volume-devices.ts';

const path = 'spec.ephemeralContainers';

const allowed = new Set([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'envFrom',
  'env',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
]);

export const ephemeralContainersPart: PartStrategy = {
  take(wanted, old) {
    const next = copyOf(old);
    const spec = child(next, 'spec');
    spec['ephemeralContainers'] = at(wanted, 'spec', 'ephemeralContainers');
    if (spec['ephemeralContainers'] === undefined) delete spec['ephemeralContainers'];
    defaultPodSpec(spec);
    return next;
  },
  validate(pod, old) {
    const errors = listOf(pod).flatMap((each, index) => validateOne(pod, each, index));
    const now = new Map(listOf(pod).map((each) => [nameOf(each), each]));
    for (const before of listOf(old)) {
      const name = JSON.stringify(nameOf(before));
      const after = now.get(nameOf(before));
      if (after === undefined)
        errors.push(
          forbiddenField(path, `existing ephemeral containers ${name} may not be removed`),
        );
      else if (!equal(after, before))
        errors.push(
          forbiddenField(path, `existing ephemeral containers ${name} may not be changed`),
        );
    }
    return errors;
  },
};

function validateOne(pod: JsonObject, container: JsonObject, index: number): FieldError[] {
  const where = `${path}[${index}]`;
  const errors: FieldError[] = [];
  const name = nameOf(container);
  const target = asString(container['targetContainerName']);
  const others = ['containers', 'initContainers'].flatMap((list) =>
    asArray(at(pod, 'spec', list)).map((each) => nameOf(asObject(each) ?? {})),
  );
  const earlier = listOf(pod).slice(0, index).map(nameOf);
  if ([...others, ...earlier].includes(name)) errors.push(duplicateValue(`${where}.name`, name));
  if (asString(container['image']).trim() === '') errors.push(required(`${where}.image`));
  if (target !== '' && !others.includes(target))
    errors.push({
      field: `${where}.targetContainerName`,
      type: 'FieldValueNotFound',
      message: `Not found: ${JSON.stringify(target)}`,
    });
  for (const [field, value] of Object.entries(container)) {
    if (allowed.has(field) || (field === 'resources' && equal(value, {}))) continue;
    errors.push(forbiddenField(`${where}.${field}`, 'cannot be set for an Ephemeral Container'));
  }
  asArray(container['volumeMounts']).forEach((mount, mountIndex) => {
    for (const field of ['subPath', 'subPathExpr']) {
      if (asString(asObject(mount)?.[field]) === '') continue;
      const mountField = `${where}.volumeMounts[${mountIndex}].${field}`;
      errors.push(forbiddenField(mountField, 'cannot be set for an Ephemeral Container'));
    }
  });
  const devices = validateDevices(container, objectsOf(at(pod, 'spec', 'volumes')), where);
  return [...errors, ...devices, ...validateContainerSecurity(container, where)];
}

function listOf(pod: JsonObject): readonly JsonObject[] {
  return asArray(at(pod, 'spec', 'ephemeralContainers')).map((each) => asObject(each) ?? {});
}

function nameOf(container: JsonObject): string {
  return asString(container['name']);
}
