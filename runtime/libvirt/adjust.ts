/** Changes a machine that runs into what is asked for, as far as it can be done without a restart. */
import type { CallOptions } from '../../lib/call.ts';
import type { MachineChanges, MachineSpec } from '../machine.ts';
import type { ResourceLimits } from '../runtime.ts';
import { diskXml, interfaceXml, labelElement } from './domain-xml.ts';
import { ipsOf, takeAddresses } from './ensure-machine.ts';
import { useCpus } from './guest-cpus.ts';
import type { Domain } from './libvirt.ts';
import { LiveDomains } from './libvirt-live.ts';
import { type LiveChange, planLiveChanges } from './live-changes.ts';
import { type LiveMachine, readLiveMachine } from './live-machine.ts';
import type { Found, Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';

export async function adjustMachine(
  machines: Machines,
  { domain, labels }: Found,
  { machine, limits }: { readonly machine: MachineSpec; readonly limits: ResourceLimits },
  options: CallOptions,
): Promise<MachineChanges> {
  const live = new LiveDomains(machines.libvirt);
  const have = readLiveMachine(await live.xml(domain, options));
  const { changes, restart } = planLiveChanges(have, labels.fixed, machine, limits);
  const failures: string[] = [];
  const attempt = async (what: string, task: () => Promise<void>) => {
    try {
      await task();
      return true;
    } catch (error) {
      options.signal.throwIfAborted();
      // What libvirt refuses of one change is no reason to leave out the others.
      if (!(error instanceof Error)) throw error;
      failures.push(`${what}: ${error.message}`);
      return false;
    }
  };
  for (const change of changes) {
    await attempt(wordsOf(change), async () => {
      if (change.type === 'attachInterface') {
        await takeAddresses(machines, labels.instance, [change.interface], options);
      }
      await apply(live, domain, change, options);
    });
  }
  if (have.agent && changes.some(({ type }) => type === 'cpus')) {
    await useCpus(machines.libvirt, machines.clock, domain, machine.cpus, options);
  }
  const grown = await growDisks(live, domain, have, machine, attempt, options);
  failures.push(...(await stillThere(live, domain, changes, options)));
  const ips = ipsOf(machine);
  if (ips !== labels.ips && failures.length === 0) {
    await live.setLabels(domain, labelElement({ ...labels, ips }), true, options);
  }
  const changed = changes.length > 0 || grown;
  const guest = have.agent ? await guestAddresses(live, domain, options) : undefined;
  return { restart, failures, changed, agent: guest !== undefined, addresses: guest ?? [] };
}

/** `undefined` when the agent does not answer after all. */
async function guestAddresses(
  live: LiveDomains,
  domain: Domain,
  options: CallOptions,
): Promise<readonly string[] | undefined> {
  try {
    return await live.addresses(domain, options);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    return undefined;
  }
}

async function apply(
  live: LiveDomains,
  domain: Domain,
  change: LiveChange,
  options: CallOptions,
): Promise<void> {
  switch (change.type) {
    case 'cpus':
      return await live.setCpus(domain, change.cpus, options);
    case 'cpuTime':
      return await live.setCpuTime(domain, change, options);
    case 'memory':
      return await live.setMemory(domain, change.memoryBytes, options);
    case 'limits':
      return await live.setLimits(domain, change.disk, change.limits, options);
    case 'attachDisk':
      return await live.attach(domain, diskXml(change.disk, change.target), options);
    case 'detachDisk': {
      const { target, ...disk } = change.disk;
      return await live.detach(domain, diskXml({ ...disk, format: 'raw' }, target), options);
    }
    case 'attachInterface':
      return await live.attach(domain, interfaceXml(change.interface), options);
    case 'detachInterface':
      return await live.detach(domain, interfaceXml(change.interface), options);
  }
}

function wordsOf(change: LiveChange): string {
  switch (change.type) {
    case 'cpus':
      return 'CPUs not added';
    case 'cpuTime':
      return 'CPU time not changed';
    case 'memory':
      return 'memory not changed';
    case 'limits':
      return `limits of ${change.disk} not changed`;
    case 'attachDisk':
      return `disk "${change.disk.name}" not attached`;
    case 'detachDisk':
      return `disk "${change.disk.name}" not detached`;
    case 'attachInterface':
      return `interface ${change.interface.mac} not attached`;
    case 'detachInterface':
      return `interface ${change.interface.mac} not detached`;
  }
}

async function growDisks(
  live: LiveDomains,
  domain: Domain,
  have: LiveMachine,
  { disks }: MachineSpec,
  attempt: (what: string, task: () => Promise<void>) => Promise<boolean>,
  options: CallOptions,
): Promise<boolean> {
  let grown = false;
  for (const { name, path, sizeBytes } of disks) {
    const disk = have.disks.find((each) => each.name === name && each.path === path);
    if (disk === undefined || sizeBytes === undefined) continue;
    await attempt(`disk "${name}" not grown`, async () => {
      if ((await live.diskBytes(domain, disk.target, options)) >= sizeBytes) return;
      await live.growDisk(domain, disk.target, sizeBytes, options);
      grown = true;
    });
  }
  return grown;
}

/** A guest may keep what it was asked to let go of: it is asked again later. */
async function stillThere(
  live: LiveDomains,
  domain: Domain,
  changes: readonly LiveChange[],
  options: CallOptions,
): Promise<readonly string[]> {
  const detached = changes.filter(({ type }) => type.startsWith('detach'));
  if (detached.length === 0) return [];
  const { disks, interfaces } = readLiveMachine(await live.xml(domain, options));
  return detached
    .filter((change) =>
      change.type === 'detachDisk'
        ? disks.some(({ name }) => name === change.disk.name)
        : change.type === 'detachInterface' &&
          interfaces.some(({ mac }) => mac === change.interface.mac),
    )
    .map((change) => `${wordsOf(change)}: the guest has not let go of it yet`);
}
