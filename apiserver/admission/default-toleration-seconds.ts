/**
 * Pods say how long they stay on a node that is not ready or cannot be reached: five minutes, where they say
 * nothing themselves. Source: Kubernetes plugin/pkg/admission/defaulttolerationseconds.
 */
import { asArray, asObject, asString, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { AdmissionPlugin } from './plugin.ts';

const seconds = 300;
const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: ({ operation, served, subresource }) =>
    (operation === 'CREATE' || operation === 'UPDATE') &&
    served.group === '' &&
    served.plural === 'pods' &&
    subresource === '',
  mutate(_, pod) {
    const spec = asObject(pod?.['spec']);
    const missing = spec === undefined ? [] : missingFrom(spec);
    if (pod === undefined || missing.length === 0) return undefined;
    const tolerations = [...asArray(spec?.['tolerations']), ...missing];
    return { ...pod, spec: { ...spec, tolerations } };
  },
};

function missingFrom(spec: JsonObject): JsonObject[] {
  // What is no list is refused by the schema, and must still be there for that.
  if (!Array.isArray(spec['tolerations'] ?? [])) return [];
  const given = objectsOf(spec['tolerations']);
  return taints
    .filter((taint) => !given.some((each) => covers(each, taint)))
    .map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: seconds,
    }));
}

function covers(toleration: JsonObject, taint: string): boolean {
  const key = asString(toleration['key']);
  const effect = asString(toleration['effect']);
  return (key === '' || key === taint) && (effect === '' || effect === 'NoExecute');
}
