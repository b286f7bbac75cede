/** Starts a domain that was adopted: as libvirt has it, with what its VM has changed since. */
import type { CallOptions } from '../../lib/call.ts';
import type { MachineSpec } from '../machine.ts';
import { type ContainerSpec, type ResourceLimits, RuntimeError } from '../runtime.ts';
import { applyChange } from './apply-change.ts';
import { labelElement } from './domain-xml.ts';
import { affect, type Domain } from './libvirt.ts';
import { LiveDomains } from './libvirt-live.ts';
import { planAdopted } from './live-changes.ts';
import { type LiveMachine, readLiveMachine } from './live-machine.ts';
import type { Found, Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';

export async function startAdopted(
  machines: Machines,
  { domain, labels }: Found,
  { machine, container }: { readonly machine: MachineSpec; readonly container: ContainerSpec },
  options: CallOptions,
): Promise<Found> {
  const { libvirt, attempts, clock } = machines;
  const { instance } = labels;
  const { attempt, name } = container;
  await attempts.prepare(instance, attempt);
  await attempts.forget(instance, attempt);
  const now = { ...labels, attempt, startedAtMs: clock.now() };
  const next = new LiveDomains(libvirt, affect.config);
  try {
    await next.setLabels(domain, labelElement(now), false, options);
    await changeNextStart(next, domain, machine, container.limits, options);
    await machines.start(domain, now, options);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    const { message } = error;
    const failed = { phase: 'exited', exitCode: 128, oomKilled: false, message } as const;
    const finishedAtMs = clock.now();
    const times = { startedAtMs: now.startedAtMs, finishedAtMs };
    await attempts.noteEnd(instance, attempt, { ...failed, ...times });
    throw new RuntimeError('StartFailed', message, { container: name, cause: error });
  }
  const started = await machines.find(instance, options);
  if (started !== undefined) return started;
  const message = 'the machine was removed while it was started';
  throw new RuntimeError('StartFailed', message, { container: name });
}

/** What its VM says is compared with what libvirt would start; what neither can say stays as it is. */
async function changeNextStart(
  next: LiveDomains,
  domain: Domain,
  machine: MachineSpec,
  limits: ResourceLimits,
  options: CallOptions,
): Promise<void> {
  const have = readLiveMachine(await next.xml(domain, options));
  await resize(next, domain, have, machine, options);
  const { changes } = planAdopted(have, '', machine, limits);
  for (const change of changes) {
    if (change.type !== 'cpus' && change.type !== 'memory') {
      await applyChange(next, domain, change, options);
    }
  }
}

/** No more than its maximum at any moment. */
async function resize(
  next: LiveDomains,
  domain: Domain,
  have: LiveMachine,
  machine: MachineSpec,
  options: CallOptions,
): Promise<void> {
  const { cpus, cpusMax = cpus, memoryBytes, memoryMaxBytes = memoryBytes } = machine;
  if (cpusMax > have.cpusMax) await next.setCpusMax(domain, cpusMax, options);
  if (cpus !== have.cpus) await next.setCpus(domain, cpus, options);
  if (cpusMax < have.cpusMax) await next.setCpusMax(domain, cpusMax, options);
  if (memoryMaxBytes > have.memoryMaxBytes) {
    await next.setMemoryMax(domain, memoryMaxBytes, options);
  }
  if (memoryBytes !== have.memoryBytes) await next.setMemory(domain, memoryBytes, options);
  if (memoryMaxBytes < have.memoryMaxBytes) {
    await next.setMemoryMax(domain, memoryMaxBytes, options);
  }
}
