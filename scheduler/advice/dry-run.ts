/** Objects as the server would store them, if the one who asks applied them now. */
import type {
  IPPool,
  IPReservation,
  PlanProblem,
  Pod,
  VM,
  Volume,
  Workload,
} from '../../api/kinds.gen.ts';
import { type JsonObject, type KubeObject, parseApiVersion } from '../../api/meta.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import { type DiscoveredResource, discoverResources } from '../../client/discovery.ts';
import type { Additions } from './supplies.ts';

/** In whose name fields would be set; it never is, because nothing is written. */
const fieldManager = 'berth-plan';

export interface DryRun {
  /** What can be placed, VMs as instances. */
  readonly objects: readonly (Pod | Workload)[];
  /** What those may need. */
  readonly additions: Additions;
  readonly problems: readonly PlanProblem[];
}

export interface Applicant {
  /** Acts as the one who asks. */
  readonly client: Client;
  /** Of objects that name none; empty: `default`, and others are allowed. */
  readonly namespace: string;
  readonly signal: AbortSignal;
}

export async function dryRun(given: readonly JsonObject[], applicant: Applicant): Promise<DryRun> {
  const resources = await discoverResources(applicant.client, { signal: applicant.signal });
  const objects: (Pod | Workload)[] = [];
  const additions = { volumes: [], pools: [], reservations: [] };
  const problems: PlanProblem[] = [];
  for (const object of given) {
    try {
      const whole = await applied(object, resources, applicant);
      const placeable = placeableOf(whole);
      if (placeable !== undefined) objects.push(placeable);
      else addTo(additions, whole);
    } catch (error) {
      if (!(error instanceof StatusError) || applicant.signal.aborted) throw error;
      const { reason, message } = error;
      problems.push({ object: nameOf(object), reason, message });
    }
  }
  return { objects, additions, problems };
}

async function applied(
  object: JsonObject,
  resources: readonly DiscoveredResource[],
  { client, namespace, signal }: Applicant,
): Promise<KubeObject> {
  const { apiVersion, kind, metadata } = object as Partial<KubeObject>; // Looked at right here.
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw badRequest('an object begins with apiVersion and kind');
  }
  const { group } = parseApiVersion(apiVersion);
  const resource = resources.find((each) => each.group === group && each.kind === kind);
  if (resource === undefined) throw badRequest(`the server has no kind ${kind} of ${apiVersion}`);
  const own = typeof metadata?.namespace === 'string' ? metadata.namespace : '';
  if (namespace !== '' && own !== '' && own !== namespace) {
    throw badRequest(`its namespace is ${own}, and the question is about ${namespace}`);
  }
  if (typeof metadata?.name !== 'string' || metadata.name === '') {
    throw badRequest('metadata.name is missing');
  }
  const place = resource.namespaced ? { namespace: own || namespace || 'default' } : {};
  const whole = { ...object, apiVersion, kind, metadata: { ...metadata, ...place } };
  return client.apply(resource, whole as JsonObject & KubeObject, {
    fieldManager,
    force: true,
    dryRun: true,
    signal,
  });
}

interface Additional {
  readonly volumes: Volume[];
  readonly pools: IPPool[];
  readonly reservations: IPReservation[];
}

/** Other kinds are only checked. */
function addTo({ volumes, pools, reservations }: Additional, object: KubeObject): void {
  if (parseApiVersion(object.apiVersion).group !== 'berth.dev') return;
  // The server answers with what its kind says.
  if (object.kind === 'Volume') volumes.push(object as Volume);
  if (object.kind === 'IPPool') pools.push(object as IPPool);
  if (object.kind === 'IPReservation') reservations.push(object as IPReservation);
}

function placeableOf(object: KubeObject): Pod | Workload | undefined {
  const { group } = parseApiVersion(object.apiVersion);
  // The server answers with what its kind says.
  if (group === '' && object.kind === 'Pod') return object as Pod;
  if (group !== 'berth.dev') return undefined;
  if (object.kind === 'VM') return podOfVm(object as VM);
  return object.kind === 'Workload' ? (object as Workload) : undefined;
}

function nameOf(object: JsonObject): string {
  const { kind = 'object', metadata } = object as Partial<KubeObject>; // For words only.
  return `${kind}/${metadata?.name ?? ''}`;
}
