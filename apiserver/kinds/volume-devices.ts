/**
 * `volumeDevices` of one container, and what they must not share with its `volumeMounts`.
 * Source: kubernetes pkg/apis/core/validation, ValidateVolumeDevices and ValidateVolumeMounts.
 */
import { asArray, asObject, asString, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue, required } from '../schema/field-error.ts';

/** `volumes` are the pod's. What has no name of theirs, or no path, is told here too. */
export function validateDevices(
  container: JsonObject,
  volumes: readonly JsonObject[],
  path: string,
): FieldError[] {
  const mounts = objectsOf(container['volumeMounts']);
  const mounted = new Set(mounts.map((mount) => asString(mount['name'])));
  const mountPaths = new Set(mounts.map((mount) => asString(mount['mountPath'])));
  const [names, paths] = [new Set<string>(), new Set<string>()];
  return asArray(container['volumeDevices']).flatMap((value, index) => {
    const field = `${path}.volumeDevices[${index}]`;
    const name = asString(asObject(value)?.['name']);
    const devicePath = asString(asObject(value)?.['devicePath']);
    const errors = [
      ...nameErrors(name, volumes, `${field}.name`),
      ...pathErrors(devicePath, `${field}.devicePath`),
    ];
    const wrong = (what: 'name' | 'devicePath', given: string, why: string) =>
      errors.push(invalidValue(`${field}.${what}`, given, why));
    if (names.has(name)) wrong('name', name, 'must be unique');
    if (paths.has(devicePath)) wrong('devicePath', devicePath, 'must be unique');
    if (mounted.has(name)) wrong('name', name, 'must not already exist in volumeMounts');
    if (mountPaths.has(devicePath)) {
      wrong('devicePath', devicePath, 'must not already exist as a path in volumeMounts');
    }
    names.add(name);
    paths.add(devicePath);
    return errors;
  });
}

function nameErrors(name: string, volumes: readonly JsonObject[], field: string): FieldError[] {
  const volume = volumes.find((each) => each['name'] === name);
  if (volume === undefined) {
    const message = `Not found: ${JSON.stringify(name)}: no entry of spec.volumes has this name`;
    return [{ field, type: 'FieldValueNotFound', message }];
  }
  if (volume['persistentVolumeClaim'] !== undefined) return [];
  const why = 'can only use volume source type of PersistentVolumeClaim for block mode';
  return [invalidValue(field, name, why)];
}

function pathErrors(path: string, field: string): FieldError[] {
  if (path === '') return [required(field)];
  if (!path.startsWith('/')) return [invalidValue(field, path, 'must be an absolute path')];
  if (!path.split('/').includes('..')) return [];
  return [invalidValue(field, path, "must not contain '..'")];
}
