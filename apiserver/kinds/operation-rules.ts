/**
 * `rules` of admission configurations: operations on resources.
 * Source: Kubernetes pkg/apis/admissionregistration/validation, `validateRuleWithOperations`.
 */
import { asArray, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue, notSupported, required } from '../schema/field-error.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

export function ruleErrors(rule: JsonObject, path: string): FieldError[] {
  const list = (field: string) => asArray(rule[field]).map(asString);
  const asked = list('operations');
  const versions = list('apiVersions');
  const { scope } = rule;
  return [
    ...listErrors(asked, `${path}.operations`, 'operations'),
    ...asked.flatMap((operation, i) =>
      operations.includes(operation)
        ? []
        : [notSupported(`${path}.operations[${i}]`, operation, operations)],
    ),
    ...listErrors(list('apiGroups'), `${path}.apiGroups`, 'API groups'),
    ...listErrors(versions, `${path}.apiVersions`, 'API versions'),
    ...versions.flatMap((version, i) =>
      version === '' ? [required(`${path}.apiVersions[${i}]`)] : [],
    ),
    ...resourceErrors(list('resources'), `${path}.resources`),
    ...(scope === undefined || scopes.includes(asString(scope))
      ? []
      : [notSupported(`${path}.scope`, scope, scopes)]),
  ];
}

function listErrors(values: readonly string[], path: string, what: string): FieldError[] {
  if (values.length === 0) return [required(path)];
  if (values.length === 1 || !values.includes('*')) return [];
  return [invalidValue(path, values, `if '*' is present, must not specify other ${what}`)];
}

function resourceErrors(resources: readonly string[], path: string): FieldError[] {
  if (resources.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  const wholeResources = new Set<string>();
  const wholeParts = new Set<string>();
  for (const [i, resource] of resources.entries()) {
    if (resource === '') errors.push(required(`${path}[${i}]`));
    const slash = resource.indexOf('/');
    if (slash < 0) continue;
    const [name, part] = [resource.slice(0, slash), resource.slice(slash + 1)];
    const covered = (by: string) =>
      invalidValue(
        `${path}[${i}]`,
        resource,
        `if '${by}' is present, must not specify ${resource}`,
      );
    if (wholeResources.has(name)) errors.push(covered(`${name}/*`));
    if (wholeParts.has(part)) errors.push(covered(`*/${part}`));
    if (part === '*') wholeResources.add(name);
    if (name === '*') wholeParts.add(part);
  }
  const invalid = (why: string) => errors.push(invalidValue(path, resources, why));
  if (resources.length > 1 && resources.includes('*/*'))
    invalid("if '*/*' is present, must not specify other resources");
  if (resources.includes('*') && resources.some((each) => each !== '*' && !each.includes('/')))
    invalid("if '*' is present, must not specify other resources without subresources");
  return errors;
}
