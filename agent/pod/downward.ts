/** Values that a pod may ask about itself: `fieldRef` and `resourceFieldRef`. */
import type {
  Container,
  ObjectFieldSelector,
  Pod,
  ResourceFieldSelector,
} from '../../api/kinds.gen.ts';
import { parseQuantity, type Quantity } from '../../api/quantity.ts';
import { ConfigError } from './config-error.ts';

/** What the node knows and a pod may ask for. */
export interface NodeFacts {
  readonly nodeName: string;
  /** Empty when unknown. */
  readonly hostIp: string;
  /** The pod's address, where it is known before the pod starts. */
  readonly podIp?: string;
  /** Where programs in pods find the API; told in their environment. */
  readonly apiServer?: { readonly host: string; readonly port: number };
  /** Stands in for limits that a container does not set. */
  readonly allocatable: Readonly<Record<string, Quantity>>;
}

const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/;

/** The value of a field of the pod; `ConfigError` for a field that cannot be asked for. */
export function fieldValue(selector: ObjectFieldSelector, pod: Pod, facts: NodeFacts): string {
  const { metadata, spec } = pod;
  const match = keyed.exec(selector.fieldPath);
  if (match !== null) {
    const map = match[1] === 'labels' ? metadata.labels : metadata.annotations;
    return map?.[match[2] ?? ''] ?? '';
  }
  switch (selector.fieldPath) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return properties(metadata.labels);
    case 'metadata.annotations':
      return properties(metadata.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIp;
    case 'status.podIP':
    case 'status.podIPs':
      if (spec.hostNetwork === true) return facts.hostIp;
      if (facts.podIp !== undefined) return facts.podIp;
      throw new ConfigError(`${selector.fieldPath} is not known before the container runs`);
    default:
      throw new ConfigError(`unsupported fieldPath: ${selector.fieldPath}`);
  }
}

/** `key="value"` lines, as Kubernetes writes labels into a file. */
function properties(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** A request or limit of a container, divided and rounded up. */
export function resourceValue(
  selector: ResourceFieldSelector,
  self: Container,
  pod: Pod,
  facts: NodeFacts,
): string {
  const { containerName, resource, divisor } = selector;
  const container =
    containerName === undefined
      ? self
      : pod.spec.containers.find((each) => each.name === containerName);
  if (container === undefined) throw new ConfigError(`container "${containerName}" not found`);
  const [which, name = ''] = split(resource);
  const { limits, requests } = container.resources ?? {};
  const written = which === 'limits' ? limits?.[name] : (requests?.[name] ?? limits?.[name]);
  const amount =
    written !== undefined
      ? parseQuantity(written).nano
      : which === 'limits'
        ? (facts.allocatable[name]?.nano ?? 0n)
        : 0n;
  const unit = parseQuantity(divisor ?? '1').nano || 1_000_000_000n;
  return String((amount + unit - 1n) / unit);
}

function split(resource: string): readonly [string, string] {
  const dot = resource.indexOf('.');
  const which = resource.slice(0, dot);
  if (which !== 'limits' && which !== 'requests') {
    throw new ConfigError(`unsupported container resource: ${resource}`);
  }
  return [which, resource.slice(dot + 1)];
}
