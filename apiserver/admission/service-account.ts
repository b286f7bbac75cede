/**
 * Gives a new pod its ServiceAccount: the name, the account's Secrets for registries, and a volume with a
 * token, the API's authority and the namespace. Source: Kubernetes plugin/pkg/admission/serviceaccount.
 */
import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { forbidden } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { metaString } from '../storage/cached.ts';
import { objectKey } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AdmissionPlugin, Attributes } from './plugin.ts';

export interface ServiceAccountDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

export const tokenMountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

const place = { group: '', plural: 'serviceaccounts' };
const pods = { group: '', resource: 'pods' };
const defaultAccount = 'default';
const volumePrefix = 'kube-api-access-';
const suffixLength = 5;
/** An hour and a bit, by which such tokens are told from those somebody asked for. */
const tokenSeconds = 3_607;
/** The account `default` is made soon after its namespace: it is waited for. */
const defaultTries = 10;
const retryMs = 100;

export function serviceAccount(deps: ServiceAccountDeps): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    handles: ({ operation, served, subresource }) =>
      operation === 'CREATE' &&
      served.builtin &&
      served.group === '' &&
      served.plural === 'pods' &&
      subresource === '',
    async mutate(attributes, pod) {
      if (pod === undefined) return undefined;
      const spec = asObject(pod['spec']) ?? {};
      // The old name of the field, from manifests that are as old.
      const name =
        asString(spec['serviceAccountName']) || asString(spec['serviceAccount']) || defaultAccount;
      const account = await accountOf(deps, attributes, pod, name);
      return { ...pod, spec: withAccount(spec, name, account, deps.random) };
    },
  };
}

/** The pod's spec with all that the account brings; what the pod says itself stays. */
export function withAccount(
  spec: JsonObject,
  name: string,
  account: JsonObject,
  random: Random,
): JsonObject {
  const secrets = asArray(spec['imagePullSecrets']);
  const pulls = secrets.length > 0 ? secrets : asArray(account['imagePullSecrets']);
  const named: JsonObject = {
    ...spec,
    serviceAccountName: name,
    ...(pulls.length === 0 ? {} : { imagePullSecrets: structuredClone([...pulls]) }),
  };
  const mounts =
    spec['automountServiceAccountToken'] ?? account['automountServiceAccountToken'] ?? true;
  return mounts === false ? named : withToken(named, random);
}

/** Mounts the token in every container that has nothing at its place. */
function withToken(spec: JsonObject, random: Random): JsonObject {
  const present = objectsOf(spec['volumes']).find(
    (volume) => metaName(volume).startsWith(volumePrefix) && volume['projected'] !== undefined,
  );
  const name =
    present === undefined ? `${volumePrefix}${random.suffix(suffixLength)}` : metaName(present);
  let mounted = 0;
  // What is of a wrong type is left for validation to name.
  const withMount = (value: JsonValue): JsonValue => {
    const container = asObject(value);
    if (container === undefined) return value;
    const mounts = asArray(container['volumeMounts']);
    if (mounts.some((each) => at(asObject(each), 'mountPath') === tokenMountPath)) return value;
    mounted += 1;
    const mount = { name, readOnly: true, mountPath: tokenMountPath };
    return { ...container, volumeMounts: [...mounts, mount] };
  };
  const next: JsonObject = { ...spec };
  for (const list of ['initContainers', 'containers'])
    if (Array.isArray(spec[list])) next[list] = asArray(spec[list]).map(withMount);
  if (mounted > 0 && present === undefined)
    next['volumes'] = [...asArray(spec['volumes']), { name, projected: tokenSources() }];
  return next;
}

function tokenSources(): JsonObject {
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  return {
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
    ],
  };
}

async function accountOf(
  { objects, clock, random }: ServiceAccountDeps,
  { namespace, signal }: Attributes,
  pod: JsonObject,
  name: string,
): Promise<JsonObject> {
  const key = { namespace, name };
  const known = objects.cache.newest(objectKey(place, key));
  if (known !== undefined) return known.object;
  const tries = name === defaultAccount ? defaultTries : 1;
  for (let attempt = 1; ; attempt += 1) {
    const found = await objects.get(place, key, signal);
    if (found !== undefined) return found.object;
    if (attempt >= tries) break;
    await clock.sleep(retryMs * (1 + random.fraction()), signal);
  }
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
  throw forbidden(pods, nameOf(pod), why);
}

/** What is to be generated is called by its beginning. */
function nameOf(pod: JsonObject): string {
  return metaString(pod, 'name') || metaString(pod, 'generateName') || 'Unknown';
}

function metaName(volume: JsonObject): string {
  return asString(at(volume, 'name'));
}
