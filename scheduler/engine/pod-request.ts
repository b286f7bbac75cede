/** What a Pod asks of the scheduler, in the engine's words. Pure. */
import type { Container, Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonValue } from '../../api/meta.ts';
import { defaultRuntime, nodeTermOf } from '../../api/node-fit.ts';
import type { Dimensions } from '../dimensions/built-in.ts';
import type { Claim, HostPort, Quantities } from '../dimensions/dimension.ts';
import { amountsOf } from './amounts.ts';
import { peersOf } from './peers/pod-peers.ts';
import {
  type Allocation,
  type PartNeed,
  type PlacementRequest,
  type PoolReach,
  type Toleration,
  withClassKey,
} from './request.ts';
import type { VolumeClaims } from './volume-claims.ts';

/** What ties an instance to some nodes besides its own words. */
export interface Ties {
  /** Those that it has addresses of. */
  readonly pools?: readonly PoolReach[];
  readonly claims?: Pick<Extract<VolumeClaims, { type: 'claims' }>, 'lying' | 'needs'>;
}

/** Where a binding keeps the devices that were chosen. */
export const allocationAnnotation = 'berth.dev/allocation';

/** Comma-separated models of GPU that will do for a pod that asks for `berth.dev/gpu`. */
const gpuModelsAnnotation = 'berth.dev/gpu-models';
/** `Bound` asks for cores of its own; all containers of the pod run on them. */
const cpuBindingAnnotation = 'berth.dev/cpu-binding';

/** What is asked of a user's own dimension of that name, as JSON. */
const customPrefix = 'dimension.berth.dev/';

/**
 * `workload` is the pod's owner where that is one, `ties` what its addresses and Volumes say of where it goes. Throws
 * `QuantityError` for a request that is no quantity, which the API does not let through.
 */
export function podRequest(
  pod: Pod,
  workload: Workload | undefined,
  dimensions: Dimensions,
  { pools = [], claims }: Ties = {},
): PlacementRequest {
  const claim = { ...claimOf(pod), volumes: claims?.needs ?? [] };
  const placement = workload?.spec.placement;
  const owner = controllerOf(pod)?.uid;
  return withClassKey({
    uid: pod.metadata.uid ?? '',
    owner,
    amounts: amountsOf(claim, dimensions),
    parts: partsOf(claim, dimensions),
    nodeSelector: Object.entries(pod.spec.nodeSelector ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    ...nodeAffinityOf(pod),
    ...(pools.length === 0 ? {} : { pools }),
    ...(claims === undefined || claims.lying.length === 0 ? {} : { volumesOn: claims.lying }),
    tolerations: (pod.spec.tolerations ?? []).map(tolerationOf),
    runtime: pod.spec.runtimeClassName ?? defaultRuntime,
    strategy: placement?.strategy ?? 'Spread',
    maxPerNode: placement?.maxPerNode,
    ...layoutOf(placement),
    ...peersOf(pod, { uid: owner, topologyKey: placement?.topologyKey }),
  });
}

function layoutOf(placement: Workload['spec']['placement'] = {}): Pick<PlacementRequest, 'layout'> {
  const { strategy, perNode = 1, nodes } = placement;
  if (strategy !== 'Each' && strategy !== 'Fill') return {};
  return { layout: { perNode, ...(nodes === undefined ? {} : { nodes }) } };
}

/** The owner that controls the pod. */
export function controllerOf(pod: Pod) {
  return pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** The devices a bound pod was given; empty where nothing readable is noted. */
export function allocationOf(pod: Pod): Allocation {
  const text = pod.metadata.annotations?.[allocationAnnotation];
  if (text === undefined) return {};
  try {
    const value: JsonValue = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {}; // Whatever stands there, the dimensions choose anew what such a pod takes.
  }
}

function isObject(value: JsonValue): value is Allocation {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Init containers run one at a time; those with restartPolicy Always stay beside all that come after. */
function claimOf(pod: Pod): Claim {
  const stay: Quantities[] = [];
  const before: Quantities[][] = [];
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') stay.push(quantitiesOf(container));
    else before.push([...stay, quantitiesOf(container)]);
  }
  const together = [...stay, ...pod.spec.containers.map(quantitiesOf)];
  return {
    together,
    before,
    hostPorts: hostPortsOf(pod),
    gpuModels: gpuModelsOf(pod),
    custom: customOf(pod),
    isCpuBound: pod.metadata.annotations?.[cpuBindingAnnotation] === 'Bound',
  };
}

/** What is no JSON is text: `dimension.berth.dev/licence: matlab`. */
function customOf({ metadata }: Pod): Readonly<Record<string, JsonValue>> {
  const asked = Object.entries(metadata.annotations ?? {}).flatMap(([key, text]) =>
    key.startsWith(customPrefix) ? [[key.slice(customPrefix.length), jsonOf(text)] as const] : [],
  );
  return Object.fromEntries(asked);
}

function jsonOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue; // JSON it is, or an error.
  } catch {
    return text;
  }
}

function gpuModelsOf({ metadata }: Pod): readonly string[] {
  const list = metadata.annotations?.[gpuModelsAnnotation] ?? '';
  return list.split(',').flatMap((name) => name.trim() || []);
}

/** A limit without a request is a request. */
function quantitiesOf({ resources }: Container): Quantities {
  return { ...resources?.limits, ...resources?.requests };
}

/** Init containers that end hold no port when the others start. */
function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  const ports: HostPort[] = [];
  for (const container of [...sidecars, ...spec.containers]) {
    for (const { hostPort = 0, containerPort, hostIP = '', protocol = 'TCP' } of container.ports ??
      []) {
      const port = spec.hostNetwork === true ? hostPort || containerPort : hostPort;
      if (port > 0) ports.push({ protocol, hostIP: hostIP || '0.0.0.0', port });
    }
  }
  return ports;
}

function partsOf(claim: Claim, dimensions: Dimensions): readonly PartNeed[] {
  const parts: PartNeed[] = [];
  for (const [dimension, { parse }] of dimensions.structured) {
    const need = parse(claim);
    if (need !== undefined) parts.push({ dimension, need });
  }
  for (const [dimension, need] of Object.entries(claim.custom ?? {})) {
    if (!dimensions.structured.has(dimension)) parts.push({ dimension, need });
  }
  return parts;
}

function nodeAffinityOf({ spec }: Pod): Pick<PlacementRequest, 'nodeAffinity' | 'nodeWishes'> {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: required,
    preferredDuringSchedulingIgnoredDuringExecution: preferred = [],
  } = spec.affinity?.nodeAffinity ?? {};
  // A wish without conditions is for every node alike.
  const nodeWishes = preferred
    .map(({ weight, preference }) => ({ weight, ...nodeTermOf(preference) }))
    .filter(({ labels, fields }) => labels.length + fields.length > 0);
  return {
    ...(required === undefined ? {} : { nodeAffinity: required.nodeSelectorTerms.map(nodeTermOf) }),
    ...(nodeWishes.length === 0 ? {} : { nodeWishes }),
  };
}

function tolerationOf(given: NonNullable<Pod['spec']['tolerations']>[number]): Toleration {
  const { key = '', operator, value, effect = '' } = given;
  return {
    operator: operator === 'Exists' ? 'Exists' : 'Equal',
    ...(key === '' ? {} : { key }),
    ...(value === undefined ? {} : { value }),
    ...(effect === '' ? {} : { effect }),
  };
}
