/** The ConfigMaps and Secrets that a pod template names, in environments and volumes. Pure. */
import type {
  Container,
  EnvFromSource,
  EnvVar,
  PodTemplateSpec,
  PodVolume,
  VolumeProjection,
} from '../../api/kinds.gen.ts';

export interface ConfigRef {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** A pod starts without it. */
  readonly optional: boolean;
}

/** On a copy: the name of the object whose content it keeps. */
export const copyOfAnnotation = 'berth.dev/copy-of';

type Rename = (ref: ConfigRef) => string;

/** Each object once; required if any reference is. Image pull secrets are not configuration. */
export function configRefs(template: PodTemplateSpec): readonly ConfigRef[] {
  const found = new Map<string, ConfigRef>();
  renameConfig(template, (ref) => {
    const key = refKey(ref);
    const optional = ref.optional && (found.get(key)?.optional ?? true);
    if (ref.name !== '') found.set(key, { ...ref, optional });
    return ref.name;
  });
  return [...found.values()];
}

export function refKey({ kind, name }: Pick<ConfigRef, 'kind' | 'name'>): string {
  return `${kind}/${name}`;
}

/** The template with the name in every reference as `rename` says. */
export function renameConfig(template: PodTemplateSpec, rename: Rename): PodTemplateSpec {
  const { containers, initContainers, volumes } = template.spec;
  const each = (list: readonly Container[]) => list.map((one) => inContainer(one, rename));
  return {
    ...template,
    spec: {
      ...template.spec,
      containers: each(containers),
      ...(initContainers === undefined ? {} : { initContainers: each(initContainers) }),
      ...(volumes === undefined ? {} : { volumes: volumes.map((one) => inVolume(one, rename)) }),
    },
  };
}

function inContainer(container: Container, rename: Rename): Container {
  const { env, envFrom } = container;
  return {
    ...container,
    ...(env === undefined ? {} : { env: env.map((one) => inVariable(one, rename)) }),
    ...(envFrom === undefined ? {} : { envFrom: envFrom.map((one) => inSource(one, rename)) }),
  };
}

function inVariable(variable: EnvVar, rename: Rename): EnvVar {
  const { valueFrom } = variable;
  if (valueFrom === undefined) return variable;
  const { configMapKeyRef, secretKeyRef } = valueFrom;
  return {
    ...variable,
    valueFrom: {
      ...valueFrom,
      ...(configMapKeyRef && { configMapKeyRef: named('ConfigMap', configMapKeyRef, rename) }),
      ...(secretKeyRef && { secretKeyRef: named('Secret', secretKeyRef, rename) }),
    },
  };
}

function inSource(source: EnvFromSource, rename: Rename): EnvFromSource {
  const { configMapRef, secretRef } = source;
  return {
    ...source,
    ...(configMapRef && { configMapRef: named('ConfigMap', configMapRef, rename) }),
    ...(secretRef && { secretRef: named('Secret', secretRef, rename) }),
  };
}

function inVolume(volume: PodVolume, rename: Rename): PodVolume {
  const { configMap, secret, projected } = volume;
  const sources = projected?.sources?.map((one) => inProjection(one, rename));
  return {
    ...volume,
    ...(configMap && { configMap: named('ConfigMap', configMap, rename) }),
    ...(secret && { secret: { ...secret, secretName: secretName(secret, rename) } }),
    ...(projected && sources && { projected: { ...projected, sources } }),
  };
}

function inProjection(source: VolumeProjection, rename: Rename): VolumeProjection {
  const { configMap, secret } = source;
  return {
    ...source,
    ...(configMap && { configMap: named('ConfigMap', configMap, rename) }),
    ...(secret && { secret: named('Secret', secret, rename) }),
  };
}

function named<T extends { readonly name?: string; readonly optional?: boolean }>(
  kind: ConfigRef['kind'],
  reference: T,
  rename: Rename,
): T {
  const { name = '', optional = false } = reference;
  return { ...reference, name: rename({ kind, name, optional }) };
}

function secretName(
  { secretName: name = '', optional = false }: NonNullable<PodVolume['secret']>,
  rename: Rename,
): string {
  return rename({ kind: 'Secret', name, optional });
}
