/** What Kubernetes refuses in security contexts and in what a pod shares with its machine, beyond the schema. */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, required } from '../schema/field-error.ts';

export function validatePodSecurity(spec: JsonObject, path: string): FieldError[] {
  const errors = validateSeccomp(spec['securityContext'], `${path}.securityContext`);
  if (spec['shareProcessNamespace'] === true && spec['hostPID'] === true) {
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalidValue(`${path}.shareProcessNamespace`, true, why));
  }
  const servers = asArray(at(spec, 'dnsConfig', 'nameservers'));
  if (spec['dnsPolicy'] === 'None' && servers.length === 0) {
    const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    errors.push(required(`${path}.dnsConfig.nameservers`, why));
  }
  return errors;
}

export function validateContainerSecurity(container: JsonObject, path: string): FieldError[] {
  const context = asObject(container['securityContext']);
  if (context === undefined) return [];
  const where = `${path}.securityContext`;
  const errors = validateSeccomp(context, where);
  if (context['allowPrivilegeEscalation'] !== false) return errors;
  const refuse = (what: string) =>
    errors.push(
      invalidValue(where, false, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`),
    );
  if (context['privileged'] === true) refuse('`privileged` to true');
  const added = asArray(at(context, 'capabilities', 'add')).map(asString);
  if (added.includes('CAP_SYS_ADMIN')) refuse('`capabilities.Add` CAP_SYS_ADMIN');
  return errors;
}

function validateSeccomp(context: JsonValue | undefined, path: string): FieldError[] {
  const profile = asObject(asObject(context)?.['seccompProfile']);
  if (profile === undefined) return [];
  const field = `${path}.seccompProfile.localhostProfile`;
  const named = asString(profile['localhostProfile']) !== '';
  const local = profile['type'] === 'Localhost';
  if (local && !named) return [required(field, 'must be set when seccomp type is Localhost')];
  if (local || !named) return [];
  return [forbiddenField(field, 'can only be set when seccomp type is Localhost')];
}
