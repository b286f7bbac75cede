/** What a pod wants of its runtime as a whole: names, namespaces and networks, with the containers it is given. */
import { type CniAttachment, hasMain } from '../../runtime/cni/cni.ts';
import type { MachineSpec } from '../../runtime/machine.ts';
import type { ContainerSpec, InstanceNetwork, InstanceSpec } from '../../runtime/runtime.ts';
import { hasReservation } from '../addresses/instance-networks.ts';
import { podDns } from '../dns/pod-dns.ts';
import { portsOf } from '../spec/container-spec.ts';
import { namespacesOf } from '../spec/pod-namespaces.ts';
import { choiceOf } from './follow-cpus.ts';
import type { PodContext } from './pod-context.ts';

export interface InstanceParts {
  readonly containers: readonly ContainerSpec[];
  readonly machine?: MachineSpec;
  /** Of a pool; known when something starts. */
  readonly address?: InstanceNetwork;
  /** What it has by CNI; known when something starts. */
  readonly attachments?: readonly CniAttachment[];
}

const noConf = { servers: [], searches: [], options: [] };

export function instanceSpec(context: PodContext, parts: InstanceParts): InstanceSpec {
  const { pod, uid, facts, names, runtime } = context;
  const { containers, machine, address, attachments = [] } = parts;
  const { name = '', namespace = '' } = pod.metadata;
  const cpus = choiceOf(context);
  const main = attachments.find((each) => hasMain([each]));
  const dns =
    names === undefined
      ? podDns(pod, { conf: noConf, ...(main === undefined ? {} : { attached: main.dns }) })
      : names.dnsOf(pod, runtime.name, address, main);
  const cni = context.networks.requests;
  return {
    id: uid,
    namespace,
    name,
    ...namespacesOf(pod, facts.nodeName),
    network: pod.spec.hostNetwork === true ? 'host' : 'bridge',
    ...(dns === undefined ? {} : { dns }),
    sharedNetwork: isShared(context),
    sharedPorts: hasMain(cni) ? [] : pod.spec.containers.flatMap(portsOf),
    ...(cpus === undefined ? {} : { cpus }),
    containers,
    ...(machine === undefined ? {} : { machine }),
    ...(address === undefined ? {} : { address }),
    ...(cni.length === 0 ? {} : { cni }),
  };
}

/** Whether its network is not one container's own. */
export function isShared({ pod, networks }: PodContext): boolean {
  const { spec } = pod;
  if (hasReservation(pod) || networks.requests.length > 0) return true;
  if (spec.shareProcessNamespace === true && spec.hostPID !== true) return true;
  const count = spec.containers.length + (spec.initContainers?.length ?? 0);
  return spec.hostNetwork !== true && count > 1;
}
