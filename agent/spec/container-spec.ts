/** One container of a pod with everything resolved, ready for a runtime. */
import type { Container, Pod } from '../../api/kinds.gen.ts';
import { parseBytes, parseMilli } from '../../api/quantity.ts';
import type {
  ContainerSpec,
  GpuDevice,
  ImageInfo,
  ImagePullPolicy,
  PortSpec,
  ResourceLimits,
} from '../../runtime/runtime.ts';
import { devicesOf } from '../devices/block-devices.ts';
import { gpusOf } from '../devices/container-gpus.ts';
import { deviceLimits, type HeldVolume } from '../disks/hold-volumes.ts';
import type { VolumeContext } from '../files/volume-files.ts';
import { resolveMounts } from '../files/volumes.ts';
import { expand } from '../pod/expand.ts';
import { ephemeralOf } from '../pod/pod-view.ts';
import { resolveEnvironment } from './environment.ts';
import { securityOf } from './security.ts';

export interface ContainerContext extends VolumeContext {
  /** `undefined` for programs of the machine. */
  readonly image: ImageInfo | undefined;
  /** Of the node, by their numbers. */
  readonly gpus: readonly (GpuDevice | undefined)[];
}

/** Throws `ConfigError` when the pod names what is not there or not supported. */
export async function resolveContainer(
  container: Container,
  attempt: number,
  context: ContainerContext,
): Promise<ContainerSpec> {
  const { pod, facts, references } = context;
  const env = await resolveEnvironment(container, pod, facts, references);
  const mounts = await resolveMounts(container, env, context);
  const { command, args, workingDir } = container;
  const gpus = gpusOf(pod, container, context.gpus);
  return {
    ...bareContainer(container, attempt),
    ...(command === undefined ? {} : { command: command.map((word) => expand(word, env)) }),
    ...(args === undefined ? {} : { args: args.map((word) => expand(word, env)) }),
    ...(workingDir === undefined ? {} : { workingDir }),
    ...(await securityOf(container, pod, context.image, context.dataDir)),
    env: Object.fromEntries(env),
    mounts,
    ...devicesOf(container, pod, context.held),
    ...ioOf(container, pod, context.held),
    ...(gpus === undefined ? {} : { gpus }),
    ...besideOf(container, pod),
  };
}

/** Limits of the volumes that it mounts, or has as devices. */
export function ioOf(
  { volumeMounts = [], volumeDevices = [] }: Container,
  { spec }: Pod,
  held: ReadonlyMap<string, HeldVolume>,
): Pick<ContainerSpec, 'io'> {
  const mounted = new Set([...volumeMounts, ...volumeDevices].map(({ name }) => name));
  const claims = (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim }) =>
    mounted.has(name) ? (persistentVolumeClaim?.claimName ?? []) : [],
  );
  const io = [...new Set(claims)].flatMap((claim) => {
    const volume = held.get(claim);
    return volume === undefined ? [] : [deviceLimits(volume)];
  });
  return io.length === 0 ? {} : { io };
}

function besideOf({ name }: Container, pod: Pod): Pick<ContainerSpec, 'beside'> {
  const ephemeral = ephemeralOf(pod, name);
  if (ephemeral === undefined) return {};
  const { targetContainerName: target = '' } = ephemeral;
  return { beside: target === '' ? {} : { processesOf: target } };
}

/** What can be said without reading anything; enough for a container that is there already. */
export function bareContainer(container: Container, attempt: number): ContainerSpec {
  const {
    name,
    image = '',
    tty = false,
    stdin = false,
    stdinOnce = false,
    securityContext,
  } = container;
  return {
    name,
    attempt,
    image,
    env: {},
    tty,
    stdin,
    stdinOnce,
    privileged: securityContext?.privileged === true,
    readOnlyRootFilesystem: securityContext?.readOnlyRootFilesystem === true,
    ports: portsOf(container),
    mounts: [],
    limits: limitsOf(container),
  };
}

export function portsOf({ ports }: Container): readonly PortSpec[] {
  return (ports ?? []).map(({ containerPort, protocol = 'TCP', hostPort, hostIP }) => ({
    containerPort,
    protocol,
    ...(hostPort === undefined || hostPort === 0 ? {} : { hostPort }),
    ...(hostIP === undefined || hostIP === '' ? {} : { hostIp: hostIP }),
  }));
}

/** Upstream's rule where the pod does not say: `Always` for `latest`, else `IfNotPresent`. */
export function pullPolicyOf({ image = '', imagePullPolicy }: Container): ImagePullPolicy {
  if (imagePullPolicy !== undefined) return imagePullPolicy;
  const last = image.slice(image.lastIndexOf('/') + 1);
  const latest = last.endsWith(':latest') || !/[:@]/.test(last);
  return latest ? 'Always' : 'IfNotPresent';
}

export function limitsOf({ resources }: Container): ResourceLimits {
  const { limits, requests } = resources ?? {};
  const cpu = limits?.['cpu'];
  const cpuRequest = requests?.['cpu'] ?? cpu;
  const memory = limits?.['memory'];
  return {
    ...(cpu === undefined ? {} : { cpuMilli: Number(parseMilli(cpu)) }),
    ...(cpuRequest === undefined ? {} : { cpuRequestMilli: Number(parseMilli(cpuRequest)) }),
    ...(memory === undefined ? {} : { memoryBytes: parseBytes(memory) }),
  };
}
