import type Docker from 'dockerode';
import { hasMain } from '../cni/cni.ts';
import { portsOf } from '../instance-ports.ts';
import type { ContainerSpec, CpuChoice, InstanceSpec, IoLimits, PortSpec } from '../runtime.ts';
import { deviceConfig, gpuConfig, gpuEnvironment } from './gpu-options.ts';
import { containerName, instanceLabels, label } from './labels.ts';

/** Where a container gets its network from. */
export type NetworkSource =
  | { readonly type: 'own' }
  | { readonly type: 'host' }
  | { readonly type: 'sandbox'; readonly sandboxId: string }
  /** That of a container that runs, and perhaps the processes of one. */
  | { readonly type: 'beside'; readonly mode: string; readonly processesOfId?: string };

const cpuPeriodMicros = 100_000;
/** The kernel refuses quotas under one millisecond. */
const cpuQuotaMinMicros = 1000;

/** How much a container may leave in its log: so many files, each of so many bytes. */
export interface LogLimits {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/** Source: kubelet's defaults, `containerLogMaxSize` and `containerLogMaxFiles`. */
export const logLimitsDefault: LogLimits = { maxBytes: 10 << 20, maxFiles: 5 };

function logConfig({ maxBytes, maxFiles }: LogLimits) {
  const Config = { 'max-size': String(maxBytes), 'max-file': String(maxFiles) };
  return { Type: 'json-file', Config };
}

/** The create request for one attempt of one container. Pure. */
export function containerOptions(
  nodeId: string,
  spec: InstanceSpec,
  container: ContainerSpec,
  network: NetworkSource,
  logs = logLimitsDefault,
): Docker.ContainerCreateOptions {
  const { command, args, workingDir, user } = container;
  return {
    name: containerName(nodeId, spec, container.name, container.attempt),
    Image: container.image,
    Labels: {
      ...instanceLabels(nodeId, spec),
      [label.container]: container.name,
      [label.attempt]: String(container.attempt),
    },
    ...(command === undefined ? {} : { Entrypoint: [...command] }),
    ...(args === undefined ? {} : { Cmd: [...args] }),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(user === undefined ? {} : { User: user }),
    Env: Object.entries({ ...container.env, ...gpuEnvironment(container) }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Tty: container.tty,
    OpenStdin: container.stdin,
    StdinOnce: container.stdin && container.stdinOnce === true,
    ...(network.type === 'own'
      ? { ...hostNames(spec), ExposedPorts: exposedPorts(container.ports) }
      : {}),
    HostConfig: {
      ...networkConfig(network, container.ports),
      ...namespaceConfig(spec, network),
      ...limitConfig(container),
      ...cpuConfig(spec.cpus),
      ...ioConfig(container),
      ...gpuConfig(container),
      ...deviceConfig(container),
      ...securityConfig(container),
      Privileged: container.privileged,
      ReadonlyRootfs: container.readOnlyRootFilesystem,
      RestartPolicy: { Name: 'no' },
      LogConfig: logConfig(logs),
      Mounts: container.mounts.map((mount) => ({
        Type: 'bind',
        Source: mount.hostPath,
        Target: mount.containerPath,
        ReadOnly: mount.readOnly,
      })),
    },
  };
}

/** The create request for the container that holds the network of several others. Pure. */
export function sandboxOptions(
  nodeId: string,
  spec: InstanceSpec,
  image: string,
): Docker.ContainerCreateOptions {
  const host = spec.network === 'host';
  const ports = portsOf(spec);
  const { address, cni } = spec;
  const isOwn = address === undefined && !hasMain(cni);
  return {
    name: containerName(nodeId, spec, undefined, 0),
    Image: image,
    Labels: {
      ...instanceLabels(nodeId, spec),
      [label.sandbox]: 'true',
      ...(address === undefined || hasMain(cni) ? {} : { [label.address]: address.address }),
    },
    ...(host ? {} : { ...hostNames(spec), ExposedPorts: exposedPorts(ports) }),
    HostConfig: {
      ...(isOwn ? networkConfig({ type: host ? 'host' : 'own' }, ports) : { NetworkMode: 'none' }),
      ...namespaceConfig(spec, { type: 'own' }),
      IpcMode: spec.ipc ?? 'shareable',
      PidMode: '',
      RestartPolicy: { Name: 'no' },
      // It says nothing.
      LogConfig: { Type: 'none', Config: {} },
    },
  };
}

function hostNames({ hostname, domain }: InstanceSpec) {
  return { Hostname: hostname, ...(domain === undefined ? {} : { Domainname: domain }) };
}

/** What belongs to the network is said by whoever has it; those that join it get the same. */
function namespaceConfig(spec: InstanceSpec, network: NetworkSource): Docker.HostConfig {
  const { pid, ipc, hosts = [], dns, sysctls } = spec;
  const joins = network.type === 'sandbox' || network.type === 'beside';
  const pidMode = pid === 'host' ? 'host' : joinedPid(spec, network);
  return {
    ...(pidMode === undefined ? {} : { PidMode: pidMode }),
    ...(ipc === undefined ? {} : { IpcMode: ipc }),
    ...(joins
      ? {}
      : {
          ExtraHosts: hosts.flatMap(({ ip, names }) => names.map((name) => `${name}:${ip}`)),
          Sysctls: { ...sysctls },
          ...(dns === undefined
            ? {}
            : {
                Dns: [...dns.servers],
                DnsSearch: [...dns.searches],
                DnsOptions: [...dns.options],
              }),
        }),
  };
}

function joinedPid({ pid }: InstanceSpec, network: NetworkSource): string | undefined {
  if (network.type === 'beside' && network.processesOfId !== undefined)
    return `container:${network.processesOfId}`;
  if (network.type === 'sandbox' && pid === 'shared') return `container:${network.sandboxId}`;
  return undefined;
}

function securityConfig(container: ContainerSpec): Docker.HostConfig {
  const { groups = [], capabilities, noNewPrivileges, seccomp } = container;
  const options = [
    ...(noNewPrivileges === true ? ['no-new-privileges'] : []),
    ...(seccomp === undefined
      ? []
      : [`seccomp=${seccomp === 'Unconfined' ? 'unconfined' : seccomp.profile}`]),
  ];
  return {
    GroupAdd: groups.map(String),
    SecurityOpt: options,
    ...(capabilities === undefined
      ? {}
      : { CapAdd: [...capabilities.add], CapDrop: [...capabilities.drop] }),
  };
}

function networkConfig(network: NetworkSource, ports: readonly PortSpec[]): Docker.HostConfig {
  switch (network.type) {
    case 'host':
      return { NetworkMode: 'host' };
    case 'sandbox': {
      const mode = `container:${network.sandboxId}`;
      return { NetworkMode: mode, IpcMode: mode };
    }
    case 'beside':
      return { NetworkMode: network.mode };
    case 'own':
      return { PortBindings: portBindings(ports) };
  }
}

function portKey(port: PortSpec): string {
  return `${port.containerPort}/${port.protocol.toLowerCase()}`;
}

function exposedPorts(ports: readonly PortSpec[]): Record<string, Record<string, never>> {
  return Object.fromEntries(ports.map((port) => [portKey(port), {}]));
}

function portBindings(ports: readonly PortSpec[]): Docker.PortMap {
  const bindings: Record<string, { HostIp?: string; HostPort: string }[]> = {};
  for (const port of ports) {
    if (port.hostPort === undefined) continue;
    const list = bindings[portKey(port)] ?? [];
    bindings[portKey(port)] = list;
    list.push({
      HostPort: String(port.hostPort),
      ...(port.hostIp === undefined ? {} : { HostIp: port.hostIp }),
    });
  }
  return bindings;
}

function limitConfig({ limits }: ContainerSpec): Docker.HostConfig {
  const { cpuMilli, cpuRequestMilli, memoryBytes } = limits;
  const micros = ((cpuMilli ?? 0) * cpuPeriodMicros) / 1000;
  return {
    ...(cpuMilli === undefined
      ? {}
      : {
          CpuPeriod: cpuPeriodMicros,
          CpuQuota: Math.max(cpuQuotaMinMicros, Math.round(micros)),
        }),
    // Kubernetes' formula: 1024 shares a core, never under the kernel's minimum of 2.
    ...(cpuRequestMilli === undefined
      ? {}
      : { CpuShares: Math.max(2, Math.floor((cpuRequestMilli * 1024) / 1000)) }),
    // The engine's JSON knows plain integers only; 2^53 bytes of memory are out of reach.
    ...(memoryBytes === undefined
      ? {}
      : { Memory: Number(memoryBytes), MemorySwap: Number(memoryBytes) }),
  };
}

function cpuConfig(choice: CpuChoice | undefined): Docker.HostConfig {
  if (choice === undefined) return {};
  const { cpus, isAll, memoryNodes } = choice;
  return {
    ...(isAll ? {} : { CpusetCpus: cpus }),
    ...(memoryNodes === undefined ? {} : { CpusetMems: memoryNodes }),
  };
}

function ioConfig({ io = [] }: ContainerSpec): Docker.HostConfig {
  const rates = (field: keyof IoLimits) =>
    io.flatMap(({ device, [field]: rate }) =>
      // Plain integers, as for memory.
      rate === undefined ? [] : [{ Path: device, Rate: Number(rate) }],
    );
  if (io.length === 0) return {};
  return {
    BlkioDeviceReadIOps: rates('readIops'),
    BlkioDeviceWriteIOps: rates('writeIops'),
    BlkioDeviceReadBps: rates('readBytesPerSecond'),
    BlkioDeviceWriteBps: rates('writeBytesPerSecond'),
  };
}
