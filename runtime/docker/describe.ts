/** A container that somebody else started, in the words of a pod. Pure. */
import type Docker from 'dockerode';
import type { Container, PodSpec, PodVolume } from '../../api/kinds.gen.ts';
import { containerNameOf, envOf } from '../describe.ts';
import type { Adoptable } from '../runtime.ts';

type Info = Docker.ContainerInspectInfo;
type ImageConfig = Docker.ImageInspectInfo['Config'] | undefined;

/** `image` is the image's own configuration: what it says itself need not be said again. */
export function describeContainer(info: Info, image: ImageConfig): Adoptable {
  const { Config: config, HostConfig: host } = info;
  const volumes = volumesOf(info);
  const lacking: string[] = [];
  const container: Container = {
    name: containerNameOf(info.Name),
    image: config.Image,
    imagePullPolicy: 'IfNotPresent',
    ...wordsOf(info, image),
    ...(config.WorkingDir === '' ? {} : { workingDir: config.WorkingDir }),
    ...environmentOf(config.Env, image?.Env),
    ...portsOf(info),
    ...(volumes.length === 0
      ? {}
      : {
          volumeMounts: volumes.map(({ volume, path, readOnly }) => ({
            name: volume.name,
            mountPath: path,
            readOnly,
          })),
        }),
    ...(config.Tty ? { tty: true } : {}),
    ...(config.OpenStdin ? { stdin: true } : {}),
    ...resourcesOf(host),
    ...securityOf(info, lacking),
  };
  notePodLacks(info, lacking);
  const spec: PodSpec = {
    containers: [container],
    runtimeClassName: 'docker',
    restartPolicy: restartPolicyOf(host),
    ...(host.NetworkMode === 'host' ? { hostNetwork: true } : {}),
    ...(host.PidMode === 'host' ? { hostPID: true } : {}),
    ...(volumes.length === 0 ? {} : { volumes: volumes.map(({ volume }) => volume) }),
  };
  return { target: info.Id, spec, lacking };
}

function wordsOf({ Config: config }: Info, image: ImageConfig) {
  // Typed as a string too; the engine answers lists.
  const entrypoint = [config.Entrypoint ?? []].flat();
  const args = config.Cmd ?? [];
  const same = (a: readonly string[], b: unknown) =>
    JSON.stringify(a) === JSON.stringify([b ?? []].flat());
  const isOwn = !same(entrypoint, image?.Entrypoint);
  return {
    ...(isOwn && entrypoint.length > 0 ? { command: entrypoint } : {}),
    ...((isOwn || !same(args, image?.Cmd)) && args.length > 0 ? { args } : {}),
  };
}

/** The engine answers null for none. */
type Lines = readonly string[] | null | undefined;

function environmentOf(env: Lines, ofImage: Lines) {
  return envOf((env ?? []).filter((line) => !(ofImage ?? []).includes(line)));
}

function portsOf({ HostConfig: host }: Info) {
  // The engine leaves it out where nothing is published; the typings say any.
  const bindings = Object.entries((host.PortBindings ?? {}) as Docker.PortMap);
  const ports = bindings.flatMap(([key, places]) => {
    const [port = '', protocol = 'tcp'] = key.split('/');
    return (places ?? []).map(({ HostPort, HostIp }) => ({
      containerPort: Number(port),
      protocol: protocol.toUpperCase() as 'TCP' | 'UDP' | 'SCTP',
      ...(HostPort === '' ? {} : { hostPort: Number(HostPort) }),
      ...(HostIp === undefined || HostIp === '' ? {} : { hostIP: HostIp }),
    }));
  });
  return ports.length === 0 ? {} : { ports };
}

/** Named volumes of the engine are directories of the machine, too, and are shown as those. */
function volumesOf({ Mounts: mounts = [] }: Info) {
  return mounts
    .filter(({ Type }) => Type === undefined || Type === 'bind' || Type === 'volume')
    .map(({ Source, Destination, RW }, index) => {
      const volume: PodVolume = { name: `mount-${index}`, hostPath: { path: Source } };
      return { volume, path: Destination, readOnly: !RW };
    });
}

function resourcesOf(host: Docker.HostConfig): Pick<Container, 'resources'> {
  const { NanoCpus: nanos = 0, CpuQuota: quota = 0, CpuPeriod: period = 0, Memory: memory } = host;
  const milli =
    nanos > 0 ? nanos / 1e6 : quota > 0 ? (quota * 1_000) / (period > 0 ? period : 100_000) : 0;
  const limits = {
    ...(milli > 0 ? { cpu: `${Math.max(1, Math.round(milli))}m` } : {}),
    ...(memory !== undefined && memory > 0 ? { memory: String(memory) } : {}),
  };
  return Object.keys(limits).length === 0 ? {} : { resources: { limits } };
}

function securityOf({ Config: config, HostConfig: host }: Info, lacking: string[]) {
  const [user = '', group] = config.User.split(':');
  const numeric = (text: string | undefined) => text !== undefined && /^\d+$/.test(text);
  if (user !== '' && !numeric(user)) {
    lacking.push(`user "${user}" has no number: it runs as the image's own user`);
  }
  const { CapAdd: add, CapDrop: drop } = host;
  const bare = (names: readonly string[]) => names.map((name) => name.replace(/^CAP_/, ''));
  const security = {
    ...(numeric(user) ? { runAsUser: Number(user) } : {}),
    ...(numeric(user) && numeric(group) ? { runAsGroup: Number(group) } : {}),
    ...(host.Privileged === true ? { privileged: true } : {}),
    ...(host.ReadonlyRootfs === true ? { readOnlyRootFilesystem: true } : {}),
    ...(add || drop
      ? {
          capabilities: {
            ...(add ? { add: bare(add) } : {}),
            ...(drop ? { drop: bare(drop) } : {}),
          },
        }
      : {}),
  };
  return Object.keys(security).length === 0 ? {} : { securityContext: security };
}

function restartPolicyOf({
  RestartPolicy: policy,
}: Docker.HostConfig): NonNullable<PodSpec['restartPolicy']> {
  if (policy?.Name === 'always' || policy?.Name === 'unless-stopped') return 'Always';
  return policy?.Name === 'on-failure' ? 'OnFailure' : 'Never';
}

const plainNetworks = ['', 'default', 'bridge', 'host'];

function notePodLacks({ Config: config, HostConfig: host, Mounts }: Info, lacking: string[]): void {
  const {
    NetworkMode: network = '',
    Links: links,
    Devices: devices,
    AutoRemove: autoRemove,
  } = host;
  if (!plainNetworks.includes(network)) {
    lacking.push(`network "${network}": its next start is on the engine's own bridge`);
  }
  if (links && links.length > 0) lacking.push('links to other containers');
  // The typings say any.
  const all = (devices ?? []) as readonly { readonly PathOnHost: string }[];
  for (const device of all) lacking.push(`device ${device.PathOnHost}`);
  for (const { Type, Destination } of Mounts ?? []) {
    if (Type === 'tmpfs') lacking.push(`tmpfs at ${Destination}`);
  }
  if (config.Healthcheck?.Test && config.Healthcheck.Test[0] !== 'NONE') {
    lacking.push('its health check: write a livenessProbe');
  }
  if (autoRemove === true)
    lacking.push('"--rm": the engine removes it, with its log, when it ends');
}
