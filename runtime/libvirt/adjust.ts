/** Changes a machine that runs into what is asked for, as far as it can be done without a restart. */
import type { CallOptions } from '../../lib/call.ts';
import type { MachineChanges, MachineSpec } from '../machine.ts';
import type { ResourceLimits } from '../runtime.ts';
import { applyChange, wordsOf } from './apply-change.ts';
import { labelElement } from './domain-xml.ts';
import { ipsOf, takeAddresses } from './ensure-machine.ts';
import { useCpus } from './guest-cpus.ts';
import { affect, type Domain } from './libvirt.ts';
import { LiveDomains } from './libvirt-live.ts';
import { fixedParts, type LiveChange, planAdopted, planLiveChanges } from './live-changes.ts';
import { type LiveMachine, readLiveMachine } from './live-machine.ts';
import type { Found, Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';

export async function adjustMachine(
  machines: Machines,
  { domain, labels }: Found,
  { machine, limits }: { readonly machine: MachineSpec; readonly limits?: ResourceLimits },
  options: CallOptions,
): Promise<MachineChanges> {
  // What was adopted is started as libvirt has it: the same is changed there.
  const isAdopted = labels.adopted !== undefined;
  const both = affect.live | affect.config;
  const live = new LiveDomains(machines.libvirt, isAdopted ? both : affect.live);
  const have = readLiveMachine(await live.xml(domain, options));
  const { changes, restart, refused } = isAdopted
    ? planAdopted(have, labels.fixed, machine, limits)
    : { ...planLiveChanges(have, labels.fixed, machine, limits), refused: [] };
  const failures = refused.map((field) => `${field}: ${notFollowed}`);
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
      await applyChange(live, domain, change, options);
    });
  }
  if (have.agent && changes.some(({ type }) => type === 'cpus')) {
    await useCpus(machines.libvirt, machines.clock, domain, machine.cpus, options);
  }
  const grown = await growDisks(live, domain, have, machine, attempt, options);
  failures.push(...(await stillThere(live, domain, changes, options)));
  const ips = ipsOf(machine);
  // Of what was adopted, the first that is asked for is what it is.
  const fixed = isAdopted && labels.fixed === '' ? fixedParts(machine) : labels.fixed;
  if ((ips !== labels.ips && failures.length === 0) || fixed !== labels.fixed) {
    await live.setLabels(domain, labelElement({ ...labels, ips, fixed }), true, options);
  }
  const changed = changes.length > 0 || grown;
  const guest = have.agent ? await guestAddresses(live, domain, options) : undefined;
  return { restart, failures, changed, agent: guest !== undefined, addresses: guest ?? [] };
}

const notFollowed = 'an adopted machine is what libvirt says it is: change it there ("virsh edit")';

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
