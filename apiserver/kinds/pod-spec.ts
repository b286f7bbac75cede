/** What every pod template and pod has in common: defaults that depend on other fields, and checks. */

import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { validateEnvVarName } from '../../api/names.ts';
import { isQuantity, parseQuantity } from '../../api/quantity.ts';
import type { FieldError } from '../../api/status.ts';
import {
  duplicateValue,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from '../schema/field-error.ts';
import { nodeAffinityErrors } from './node-affinity.ts';
import { podAffinityErrors, topologySpreadErrors } from './pod-affinity.ts';
import { validateContainerSecurity, validatePodSecurity } from './pod-security.ts';
import { validateProbes } from './probes.ts';
import { validateDevices } from './volume-devices.ts';

/** Fills what upstream defaults in code: pull policies by tag, requests from limits. */
export function defaultPodSpec(spec: JsonObject): void {
  for (const container of containersOf(spec)) {
    if (container['imagePullPolicy'] === undefined && asString(container['image']) !== '')
      container['imagePullPolicy'] = defaultPullPolicy(asString(container['image']));
    defaultRequests(container);
    canonicalAmounts(container);
  }
}

/** `Always` for `latest` and no tag, else `IfNotPresent`. Source: Kubernetes "Images", default pull policy. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultRequests(container: JsonObject): void {
  const resources = asObject(container['resources']);
  const limits = asObject(resources?.['limits']);
  if (resources === undefined || limits === undefined) return;
  const requests = { ...asObject(resources['requests']) };
  for (const [name, amount] of Object.entries(limits)) requests[name] ??= amount;
  resources['requests'] = requests;
}

/** Amounts are stored in one spelling: `1000m` is `1`. */
function canonicalAmounts(container: JsonObject): void {
  for (const list of ['limits', 'requests']) {
    const amounts = asObject(at(container, 'resources', list)) ?? {};
    for (const [name, amount] of Object.entries(amounts))
      if (isAmount(amount)) amounts[name] = parseQuantity(amount).toString();
  }
}

const imageRemedy = 'name the image to run; only the runtime systemd can do without';

/** Errors of a pod spec beyond the schema; `path` is where it stands (`spec`, `spec.template.spec`). */
export function validatePodSpec(spec: JsonObject, path: string): FieldError[] {
  const errors = [
    ...runtimeErrors(spec, path),
    ...validateVolumes(spec, path),
    ...validatePodSecurity(spec, path),
    ...nodeAffinityErrors(spec, path),
    ...podAffinityErrors(spec, path),
    ...topologySpreadErrors(spec, path),
  ];
  if (asArray(spec['containers']).length === 0 && spec['containers'] === undefined) return errors;
  const volumes = new Set(
    asArray(spec['volumes']).map((volume) => asString(asObject(volume)?.['name'])),
  );
  const hostPorts = new Set<string>();
  const seen = new Set<string>();
  for (const list of ['initContainers', 'containers']) {
    asArray(spec[list]).forEach((value, index) => {
      const container = asObject(value);
      if (container === undefined) return;
      const at = `${path}.${list}[${index}]`;
      const name = asString(container['name']);
      if (name !== '' && seen.has(name)) errors.push(duplicateValue(`${at}.name`, name));
      seen.add(name);
      if (asString(container['image']).trim() === '' && spec['runtimeClassName'] !== 'systemd')
        errors.push(required(`${at}.image`, imageRemedy));
      const isInit = list === 'initContainers';
      const isSidecar = isInit && container['restartPolicy'] === 'Always';
      errors.push(...validateRestartPolicy(container, isInit, at));
      errors.push(...validateEnv(container, at));
      errors.push(...validateProbes(container, at, isInit && !isSidecar));
      errors.push(...validateResources(container, at));
      errors.push(...validateContainerSecurity(container, at));
      errors.push(...validateMounts(container, volumes, at));
      errors.push(...validateDevices(container, objectsOf(spec['volumes']), at));
      errors.push(...validateHostPorts(container, hostPorts, at));
    });
  }
  return errors;
}

/** Other names may be those of nodes to come. */
function runtimeErrors({ runtimeClassName }: JsonObject, path: string): FieldError[] {
  if (runtimeClassName !== 'libvirt') return [];
  const why = 'runs virtual machines, and they are objects of kind VM: say docker or systemd';
  return [invalidValue(`${path}.runtimeClassName`, runtimeClassName, why)];
}

/** Source: Kubernetes 1.36, where it makes an init container a sidecar. */
function validateRestartPolicy(container: JsonObject, isInit: boolean, at: string): FieldError[] {
  const policy = container['restartPolicy'];
  if (policy === undefined) return [];
  const field = `${at}.restartPolicy`;
  if (!isInit) {
    const why = 'may be set for init containers only: spec.restartPolicy holds for the others';
    return [forbiddenField(field, why)];
  }
  return policy === 'Always' ? [] : [notSupported(field, policy, ['Always'])];
}

function validateEnv(container: JsonObject, path: string): FieldError[] {
  return asArray(container['env']).flatMap((value, index) => {
    const name = asString(asObject(value)?.['name']);
    const field = `${path}.env[${index}].name`;
    return name === '' ? [] : validateEnvVarName(name).map((why) => invalidValue(field, name, why));
  });
}

/** A volume has one source. */
function validateVolumes(spec: JsonObject, path: string): FieldError[] {
  return asArray(spec['volumes']).flatMap((value, index) => {
    const [, ...more] = Object.keys(asObject(value) ?? {}).filter((key) => key !== 'name');
    const field = `${path}.volumes[${index}]`;
    return more.map((source) =>
      forbiddenField(`${field}.${source}`, 'may not specify more than 1 volume type'),
    );
  });
}

function validateResources(container: JsonObject, path: string): FieldError[] {
  const errors = negativeAmounts(container, path);
  const limits = asObject(at(container, 'resources', 'limits')) ?? {};
  const requests = asObject(at(container, 'resources', 'requests')) ?? {};
  for (const [name, asked] of Object.entries(requests)) {
    const limit = limits[name];
    if (!isAmount(asked) || !isAmount(limit)) continue;
    if (parseQuantity(asked).cmp(parseQuantity(limit)) > 0)
      errors.push(
        invalidValue(
          `${path}.resources.requests`,
          String(asked),
          `must be less than or equal to ${name} limit of ${limit}`,
        ),
      );
  }
  return errors;
}

/** Of whatever has `resources`. */
export function negativeAmounts(holder: JsonObject, path: string): FieldError[] {
  return ['limits', 'requests'].flatMap((where) =>
    Object.entries(asObject(at(holder, 'resources', where)) ?? {}).flatMap(([name, amount]) => {
      if (!isAmount(amount) || parseQuantity(amount).cmp(parseQuantity('0')) >= 0) return [];
      const field = `${path}.resources.${where}[${name}]`;
      return [invalidValue(field, String(amount), 'must be greater than or equal to 0')];
    }),
  );
}

export function isAmount(value: JsonValue | undefined): value is string | number {
  return (typeof value === 'string' || typeof value === 'number') && isQuantity(value);
}

function validateMounts(
  container: JsonObject,
  volumes: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  asArray(container['volumeMounts']).forEach((mount, index) => {
    const name = asString(asObject(mount)?.['name']);
    if (volumes.has(name)) return;
    errors.push({
      field: `${path}.volumeMounts[${index}].name`,
      type: 'FieldValueNotFound',
      message: `Not found: ${JSON.stringify(name)}: no entry of spec.volumes has this name`,
    });
  });
  return errors;
}

function validateHostPorts(container: JsonObject, taken: Set<string>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  asArray(container['ports']).forEach((value, index) => {
    const port = asObject(value);
    const hostPort = port?.['hostPort'];
    if (typeof hostPort !== 'number' || hostPort === 0) return;
    const id = `${asString(port?.['protocol'])}/${asString(port?.['hostIP'])}/${hostPort}`;
    if (taken.has(id)) errors.push(duplicateValue(`${path}.ports[${index}].hostPort`, id));
    taken.add(id);
  });
  return errors;
}

function containersOf(spec: JsonObject): JsonObject[] {
  return ['initContainers', 'containers', 'ephemeralContainers']
    .flatMap((list) => asArray(spec[list]))
    .map(asObject)
    .filter((container) => container !== undefined);
}
