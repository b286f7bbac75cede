/** What all containers of a pod have in common on the machine: names, processes, kernel parameters. Pure. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { InstanceSpec } from '../../runtime/runtime.ts';
import { ConfigError } from '../pod/config-error.ts';

const clusterDomain = 'cluster.local';
/** The kernel's limit. */
const hostNameMax = 64;

type Namespaces = Pick<InstanceSpec, 'hostname' | 'domain' | 'pid' | 'ipc' | 'hosts' | 'sysctls'>;

/** Throws `ConfigError` where the pod asks for what a node does not give. */
export function namespacesOf(pod: Pod, nodeName: string): Namespaces {
  const { hostPID, hostIPC, shareProcessNamespace, hostAliases = [] } = pod.spec;
  const sysctls = sysctlsOf(pod);
  return {
    ...hostNamesOf(pod, nodeName),
    ...(hostPID === true
      ? { pid: 'host' }
      : shareProcessNamespace === true
        ? { pid: 'shared' }
        : {}),
    ...(hostIPC === true ? { ipc: 'host' } : {}),
    ...(hostAliases.length === 0
      ? {}
      : { hosts: hostAliases.map(({ ip, hostnames = [] }) => ({ ip, names: hostnames })) }),
    ...(sysctls === undefined ? {} : { sysctls }),
  };
}

/** Source: Kubernetes "DNS for Services and Pods", hostname and subdomain fields. */
function hostNamesOf({ metadata, spec }: Pod, nodeName: string) {
  const { name = '', namespace = '' } = metadata;
  const { hostNetwork, hostname, subdomain = '', setHostnameAsFQDN } = spec;
  const short = (hostNetwork === true ? nodeName : (hostname ?? name))
    .slice(0, 63)
    .replace(/[-.]+$/, '');
  if (subdomain === '' || hostNetwork === true) return { hostname: short };
  const domain = `${subdomain}.${namespace}.svc.${clusterDomain}`;
  if (setHostnameAsFQDN !== true) return { hostname: short, domain };
  const full = `${short}.${domain}`;
  if (full.length > hostNameMax) {
    throw new ConfigError(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long ` +
        `(${hostNameMax} characters is the max, ${full.length} characters requested)`,
    );
  }
  return { hostname: full };
}

/** Source: Kubernetes "Using sysctls in a Kubernetes Cluster", the safe set. */
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

function sysctlsOf({ spec }: Pod): Record<string, string> | undefined {
  const wanted = spec.securityContext?.sysctls ?? [];
  if (wanted.length === 0) return undefined;
  const sysctls: Record<string, string> = {};
  for (const { name, value } of wanted) {
    // Both spellings are upstream's: dots, or slashes where a part has dots in it.
    const dotted = name.includes('/') ? name.replaceAll('/', '.') : name;
    if (!safeSysctls.has(dotted))
      throw new ConfigError(`forbidden sysctl: "${name}" not allowlisted`);
    if (spec.hostNetwork === true && dotted.startsWith('net.')) {
      throw new ConfigError(`forbidden sysctl: "${name}" not allowed with host net enabled`);
    }
    if (spec.hostIPC === true && dotted.startsWith('kernel.')) {
      throw new ConfigError(`forbidden sysctl: "${name}" not allowed with host ipc enabled`);
    }
    sysctls[dotted] = value;
  }
  return sysctls;
}
