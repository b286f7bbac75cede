/**
 * Rules of pods about other pods: what could never be understood is refused.
 * Source: Kubernetes v1.36, `pkg/apis/core/validation/validation.go`, validatePodAffinityTerm and
 * validateTopologySpreadConstraints.
 */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateDns1123Label, validateQualifiedName } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { duplicateValue, forbiddenField, invalidValue, required } from '../schema/field-error.ts';

const requiredField = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredField = 'preferredDuringSchedulingIgnoredDuringExecution';

/** `path` is where the spec stands. */
export function podAffinityErrors(spec: JsonObject, path: string): FieldError[] {
  return ['podAffinity', 'podAntiAffinity'].flatMap((name) => {
    const affinity = asObject(at(spec, 'affinity', name));
    const field = `${path}.affinity.${name}`;
    const hard = asArray(affinity?.[requiredField]).flatMap((term, index) =>
      termErrors(asObject(term) ?? {}, `${field}.${requiredField}[${index}]`),
    );
    const soft = asArray(affinity?.[preferredField]).flatMap((wish, index) =>
      termErrors(
        asObject(asObject(wish)?.['podAffinityTerm']) ?? {},
        `${field}.${preferredField}[${index}].podAffinityTerm`,
      ),
    );
    return [...hard, ...soft];
  });
}

/** As above, of `topologySpreadConstraints`. */
export function topologySpreadErrors(spec: JsonObject, path: string): FieldError[] {
  const seen = new Set<string>();
  return asArray(spec['topologySpreadConstraints']).flatMap((value, index) => {
    const constraint = asObject(value) ?? {};
    const field = `${path}.topologySpreadConstraints[${index}]`;
    const { minDomains, whenUnsatisfiable = '', topologyKey = '' } = constraint;
    const errors = [
      ...topologyKeyErrors(constraint, field),
      ...selectorErrors(constraint, 'labelSelector', field),
      ...labelKeyErrors(constraint, 'matchLabelKeys', field),
    ];
    if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule') {
      const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
      errors.push(invalidValue(`${field}.minDomains`, minDomains, why));
    }
    const key = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (seen.has(key)) {
      errors.push(duplicateValue(`${field}.{topologyKey, whenUnsatisfiable}`, key));
    }
    seen.add(key);
    return errors;
  });
}

function termErrors(term: JsonObject, field: string): FieldError[] {
  const mismatched = asArray(term['mismatchLabelKeys']);
  const both = asArray(term['matchLabelKeys']).flatMap((key, index) =>
    mismatched.includes(key)
      ? [
          invalidValue(
            `${field}.matchLabelKeys[${index}]`,
            key,
            'exists in both matchLabelKeys and mismatchLabelKeys',
          ),
        ]
      : [],
  );
  const namespaces = asArray(term['namespaces']).flatMap((value, index) =>
    validateDns1123Label(asString(value)).map((why) =>
      invalidValue(`${field}.namespaces[${index}]`, value, why),
    ),
  );
  return [
    ...selectorErrors(term, 'labelSelector', field),
    ...selectorErrors(term, 'namespaceSelector', field),
    ...namespaces,
    ...labelKeyErrors(term, 'matchLabelKeys', field),
    ...labelKeyErrors(term, 'mismatchLabelKeys', field),
    ...both,
    ...topologyKeyErrors(term, field),
  ];
}

function topologyKeyErrors({ topologyKey }: JsonObject, field: string): FieldError[] {
  const key = asString(topologyKey);
  if (key === '') return [required(`${field}.topologyKey`, 'can not be empty')];
  return validateQualifiedName(key).map((why) => invalidValue(`${field}.topologyKey`, key, why));
}

function selectorErrors(from: JsonObject, name: string, field: string): FieldError[] {
  const selector = asObject(from[name]);
  if (selector === undefined) return [];
  try {
    fromLabelSelectorObject(selector);
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [invalidValue(`${field}.${name}`, selector, why)];
  }
}

function labelKeyErrors(from: JsonObject, name: string, field: string): FieldError[] {
  const keys = asArray(from[name]);
  if (keys.length === 0) return [];
  if (from['labelSelector'] === undefined) {
    const why = 'must not be specified when labelSelector is not set';
    return [forbiddenField(`${field}.${name}`, why)];
  }
  return keys.flatMap((key, index) =>
    validateQualifiedName(asString(key)).map((why) =>
      invalidValue(`${field}.${name}[${index}]`, key, why),
    ),
  );
}
