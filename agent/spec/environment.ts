/** A container's environment: where the API is, `envFrom`, then `env` in order, with `$(NAME)` expanded. */
import type { Container, EnvFromSource, EnvVar, Pod } from '../../api/kinds.gen.ts';
import { type References, readEntries } from '../files/references.ts';
import { ConfigError } from '../pod/config-error.ts';
import { fieldValue, type NodeFacts, resourceValue } from '../pod/downward.ts';
import { expand } from '../pod/expand.ts';

/** Throws `ConfigError` that names what is missing. */
export async function resolveEnvironment(
  container: Container,
  pod: Pod,
  facts: NodeFacts,
  references: References,
): Promise<Map<string, string>> {
  const env = new Map(Object.entries(apiServerVariables(facts)));
  for (const source of container.envFrom ?? []) await addAll(env, source, references);
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? '', env)
        : await valueFrom(variable, container, pod, facts, references);
    if (value !== undefined) env.set(variable.name, value);
  }
  return env;
}

/** As of a Service `kubernetes`, which clients in pods look for. What the pod itself sets wins. */
function apiServerVariables({ apiServer }: NodeFacts): Readonly<Record<string, string>> {
  if (apiServer === undefined) return {};
  const { host, port } = apiServer;
  const url = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const prefix = `KUBERNETES_PORT_${port}_TCP`;
  return {
    KUBERNETES_SERVICE_HOST: host,
    KUBERNETES_SERVICE_PORT: String(port),
    KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    KUBERNETES_PORT: url,
    [prefix]: url,
    [`${prefix}_PROTO`]: 'tcp',
    [`${prefix}_PORT`]: String(port),
    [`${prefix}_ADDR`]: host,
  };
}

async function addAll(
  env: Map<string, string>,
  { prefix = '', configMapRef, secretRef }: EnvFromSource,
  references: References,
): Promise<void> {
  const ref = configMapRef ?? secretRef;
  if (ref === undefined) return;
  const kind = secretRef === undefined ? 'configmap' : 'secret';
  const entries = await readEntries(references, kind, ref.name ?? '', ref.optional);
  for (const [key, value] of entries ?? []) {
    const name = `${prefix}${key}`;
    // As upstream: keys that cannot be variable names are left out.
    if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name)) env.set(name, value.toString('utf8'));
  }
}

async function valueFrom(
  variable: EnvVar,
  container: Container,
  pod: Pod,
  facts: NodeFacts,
  references: References,
): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldValue(fieldRef, pod, facts);
  if (resourceFieldRef !== undefined) {
    return resourceValue(resourceFieldRef, container, pod, facts);
  }
  const ref = configMapKeyRef ?? secretKeyRef;
  if (ref === undefined) throw new ConfigError(`variable "${variable.name}" has no known source`);
  const kind = secretKeyRef === undefined ? 'configmap' : 'secret';
  const { name = '', key, optional } = ref;
  const value = (await readEntries(references, kind, name, optional))?.get(key);
  if (value === undefined && optional !== true) {
    const [object, title] = [`${pod.metadata.namespace}/${name}`, titles[kind]];
    throw new ConfigError(`couldn't find key ${key} in ${title} ${object}`);
  }
  return value?.toString('utf8');
}

const titles = { configmap: 'ConfigMap', secret: 'Secret' } as const;
