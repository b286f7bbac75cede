/** One change of a machine, as calls of libvirt. */
import type { CallOptions } from '../../lib/call.ts';
import { RuntimeError } from '../runtime.ts';
import { diskXml, interfaceXml } from './domain-xml.ts';
import type { Domain } from './libvirt.ts';
import type { LiveDomains } from './libvirt-live.ts';
import type { LiveChange } from './live-changes.ts';

export async function applyChange(
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
      if (change.disk.isForeign === true) throw new RuntimeError('InvalidSpec', notAttached);
      return await live.attach(domain, diskXml(change.disk, change.target), options);
    case 'detachDisk': {
      const { target, bus, ...disk } = change.disk;
      return await live.detach(domain, diskXml({ ...disk, format: 'raw' }, target, bus), options);
    }
    case 'attachInterface':
      return await live.attach(domain, interfaceXml(change.interface), options);
    case 'detachInterface':
      return await live.detach(domain, interfaceXml(change.interface), options);
  }
}

export function wordsOf(change: LiveChange): string {
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

const notAttached =
  'it is not Berth\'s, and the machine has it no more: "virsh attach-disk" attaches it again';
