/** Brings the domain of an instance to what is asked for: made, started, or gone on with from what was saved. */
import type { CallOptions } from '../../lib/call.ts';
import type { MachineSpec } from '../machine.ts';
import { announceAddress, checkAddressIsFree } from '../network/probe.ts';
import { ensureSegment } from '../network/segment.ts';
import {
  type ContainerSpec,
  type InstanceId,
  type InstanceSpec,
  RuntimeError,
} from '../runtime.ts';
import { shortId } from '../short-id.ts';
import { type DomainLabels, domainXml, type Hypervisor } from './domain-xml.ts';
import type { Domain } from './libvirt.ts';
import { Snapshots } from './libvirt-snapshots.ts';
import { fixedParts } from './live-changes.ts';
import { domainUuid, type Found, type Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';
import { startAdopted } from './start-adopted.ts';

/** Brings the domain of one instance to `spec`; the caller runs it once at a time per instance. */
export async function ensureMachine(
  machines: Machines,
  spec: InstanceSpec,
  hypervisor: Hypervisor,
  options: CallOptions,
): Promise<Found> {
  const { machine, container } = checkSpec(spec);
  const found = await machines.find(spec.id, options);
  await machines.refuseStarting(found, options);
  if (found !== undefined) {
    if (found.state === 'saved') {
      await takeAddresses(machines, spec.id, machine.interfaces, options);
      return await restoreSaved(machines, found, options);
    }
    const { state } = (await machines.status(found)).containers[0] ?? {};
    if (state?.phase !== 'created' && found.labels.attempt >= container.attempt) return found;
    await machines.stop(found, 0, options);
    if (found.labels.adopted !== undefined) {
      return await startAdopted(machines, found, { machine, container }, options);
    }
  }
  const foreign = machine.disks.find(({ isForeign }) => isForeign === true);
  if (foreign !== undefined) {
    const why = `disk "${foreign.name}" is of a domain that was adopted, which is gone: it is not started`;
    throw new RuntimeError('InvalidSpec', why, { container: container.name });
  }
  const { libvirt, attempts, nodeId, clock } = machines;
  const { attempt } = container;
  await takeAddresses(machines, spec.id, machine.interfaces, options);
  await attempts.prepare(spec.id, attempt);
  await attempts.forget(spec.id, attempt);
  const labels: DomainLabels = {
    node: nodeId,
    instance: spec.id,
    namespace: spec.namespace,
    name: spec.name,
    container: container.name,
    attempt,
    image: container.image,
    startedAtMs: clock.now(),
    ips: ipsOf(machine),
    fixed: fixedParts(machine),
  };
  const files = { consoleLog: attempts.consoleLog(spec.id, attempt) };
  const uuid = domainUuid(nodeId, spec.id);
  const whole = { ...spec, machine };
  const xml = domainXml(uuid, domainName(uuid, spec), labels, whole, container, hypervisor, files);
  let domain: Domain | undefined;
  try {
    domain = await libvirt.define(xml, options);
    await machines.start(domain, labels, options);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    if (domain === undefined) await attempts.takeBack(spec.id, attempt);
    else await undo(machines, domain, labels, error.message, options);
    const reason = domain === undefined ? 'InvalidSpec' : 'StartFailed';
    throw new RuntimeError(reason, error.message, { container: container.name, cause: error });
  }
  return await startedOne(machines, spec.id, container.name, options);
}

/** Nothing is left of a start that failed, unless it has snapshots: with its domain they would go too. */
async function undo(
  { libvirt, attempts, clock }: Machines,
  domain: Domain,
  { instance, attempt, startedAtMs }: DomainLabels,
  message: string,
  options: CallOptions,
): Promise<void> {
  await attempts.takeBack(instance, attempt);
  if ((await new Snapshots(libvirt).count(domain, options)) === 0) {
    await libvirt.undefine(domain, options);
    return;
  }
  const failed = { phase: 'exited', exitCode: 128, oomKilled: false, message } as const;
  await attempts.noteEnd(instance, attempt, { ...failed, startedAtMs, finishedAtMs: clock.now() });
}

/** What was saved is as it was, whatever is wanted by now. */
async function restoreSaved(
  machines: Machines,
  found: Found,
  options: CallOptions,
): Promise<Found> {
  const { domain, labels } = found;
  const { container } = labels;
  try {
    await machines.start(domain, labels, options);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    const message = `its saved memory is not taken back: ${error.message}; "berth vm discard" gives it up`;
    throw new RuntimeError('Conflict', message, { container, cause: error });
  }
  return await startedOne(machines, labels.instance, container, options);
}

async function startedOne(
  machines: Machines,
  id: InstanceId,
  container: string,
  options: CallOptions,
): Promise<Found> {
  const started = await machines.find(id, options);
  if (started !== undefined) return started;
  const message = 'the machine was removed while it was started';
  throw new RuntimeError('StartFailed', message, { container });
}

/** Says on the wire that the machine has its addresses now: while it boots it says nothing itself. */
export async function takeAddresses(
  { nodeId }: Machines,
  id: InstanceId,
  interfaces: MachineSpec['interfaces'],
  options: CallOptions,
): Promise<void> {
  for (const [index, { network }] of interfaces.entries()) {
    if (network === undefined) continue;
    const key = shortId(nodeId, `${id}/${index}`);
    const bridge = await ensureSegment(network, options);
    await checkAddressIsFree(network, bridge, key, options);
    await announceAddress(network, bridge, key, options);
  }
}

export function ipsOf({ interfaces }: MachineSpec): string {
  return interfaces.flatMap(({ ip }) => ip ?? []).join(' ');
}

function checkSpec({ machine, containers }: InstanceSpec): {
  readonly machine: MachineSpec;
  readonly container: ContainerSpec;
} {
  const [container, ...more] = containers;
  if (machine === undefined || container === undefined || more.length > 0) {
    const message =
      'containers: libvirt runs virtual machines only: say what you want in a VM, not in a Pod';
    throw new RuntimeError('InvalidSpec', message, {
      ...(container === undefined ? {} : { container: container.name }),
    });
  }
  if (container.tty) {
    throw new RuntimeError('InvalidSpec', noTerminalWords, { container: container.name });
  }
  return { machine, container };
}

export const noTerminalWords = 'tty: a guest has no terminal but its console: use "berth console"';

/** Files of libvirt are named after its domains, with endings of their own. */
const domainNameMaxLength = 200;

/** For people; libvirt wants it to be unique on the machine. Cut when too long. */
function domainName(uuid: string, { namespace, name }: InstanceSpec): string {
  const tail = `_${uuid.slice(0, 8)}`;
  return `berth_${namespace}_${name}`.slice(0, domainNameMaxLength - tail.length) + tail;
}
