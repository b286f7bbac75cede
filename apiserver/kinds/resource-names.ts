/** Which names of resources may stand where. Source: Kubernetes `pkg/apis/core/helper/helpers.go` (v1.32). */
import { validateQualifiedName } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';

const containerNames = new Set(['cpu', 'memory', 'ephemeral-storage']);
const quotaNames = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
]);
const standardNames = new Set([...quotaNames, 'storage']);

/** Pages of a fixed size, such as `hugepages-2Mi`. */
function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

/** Whether more may be promised than there is. */
export function mayOvercommit(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

/** Resources that Kubernetes itself defines. */
function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

/** Resources of other domains, `example.com/gpu`: counted whole, under `requests.` in quotas. */
export function isExtended(name: string): boolean {
  if (isNative(name) || name.startsWith('requests.')) return false;
  return validateQualifiedName(`requests.${name}`).length === 0;
}

/** What a container may ask for. */
export function containerResourceErrors(name: string, field: string): FieldError[] {
  const errors = nameErrors(name, field);
  if (errors.length > 0) return errors;
  if (!name.includes('/')) {
    if (containerNames.has(name) || isHugePages(name)) return [];
    return [invalidValue(field, name, 'must be a standard resource for containers')];
  }
  if (isNative(name) || isExtended(name)) return [];
  return [invalidValue(field, name, "doesn't follow extended resource name standard")];
}

/** What anything may ask for. */
export function resourceErrors(name: string, field: string): FieldError[] {
  const errors = nameErrors(name, field);
  if (errors.length > 0 || name.includes('/') || standardNames.has(name)) return errors;
  if (isHugePages(name)) return [];
  return [invalidValue(field, name, 'must be a standard resource type or fully qualified')];
}

/** What a quota may count. */
export function quotaResourceErrors(name: string, field: string): FieldError[] {
  const errors = nameErrors(name, field);
  if (errors.length > 0 || name.includes('/') || isStandardForQuota(name)) return errors;
  return [invalidValue(field, name, 'must be a standard resource for quota')];
}

/** Names that Kubernetes itself has for quotas; the scopes of a quota must fit them. */
export function isStandardForQuota(name: string): boolean {
  return quotaNames.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
}

/** Things that are counted one by one. */
export function isInteger(name: string): boolean {
  return (
    [
      'pods',
      'resourcequotas',
      'services',
      'replicationcontrollers',
      'secrets',
      'configmaps',
    ].includes(name) ||
    ['persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'].includes(name) ||
    isExtended(name)
  );
}

function nameErrors(name: string, field: string): FieldError[] {
  return validateQualifiedName(name).map((why) => invalidValue(field, name, why));
}
