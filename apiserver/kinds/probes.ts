/** What Kubernetes refuses in probes and lifecycle hooks, beyond their schema. */
import { asObject } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, required } from '../schema/field-error.ts';

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;

/** `init` containers end before probing makes sense: they have neither probes nor hooks. */
export function validateProbes(container: JsonObject, path: string, init: boolean): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of probes) {
    const probe = asObject(container[name]);
    if (probe === undefined) continue;
    if (init) {
      errors.push(forbiddenField(`${path}.${name}`, 'may not be set for init containers'));
      continue;
    }
    errors.push(...oneHandler(probe, `${path}.${name}`));
    const successes = probe['successThreshold'];
    if (name !== 'readinessProbe' && typeof successes === 'number' && successes !== 1)
      errors.push(invalidValue(`${path}.${name}.successThreshold`, successes, 'must be 1'));
  }
  const lifecycle = asObject(container['lifecycle']);
  if (lifecycle === undefined) return errors;
  if (init)
    return [...errors, forbiddenField(`${path}.lifecycle`, 'may not be set for init containers')];
  for (const hook of ['postStart', 'preStop']) {
    const handler = asObject(lifecycle[hook]);
    if (handler !== undefined) errors.push(...oneHandler(handler, `${path}.lifecycle.${hook}`));
  }
  return errors;
}

function oneHandler(value: JsonObject, path: string): FieldError[] {
  const [first, ...more] = handlers.filter((name) => value[name] !== undefined);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  return more.map((name) =>
    forbiddenField(`${path}.${name}`, 'may not specify more than 1 handler type'),
  );
}
