/** What libvirt is asked of a domain that runs, so that it changes without a restart. */
import type { CallOptions } from '../../lib/call.ts';
import type { IoLimits } from '../runtime.ts';
import { labelNamespace } from './domain-xml.ts';
import { affect, type Domain, type Libvirt, writeDomain } from './libvirt.ts';
import type { TypedNumber } from './rpc/xdr.ts';

const resizeInBytes = 1;
const metadataElement = 2;
/** Source: virDomainGetJobStatsFlags. */
const jobStatsCompleted = 1;
/** Source: virDomainJobType. */
export const jobEnd = { completed: 3, failed: 4, cancelled: 5 } as const;
/** Source: virDomainVcpuFlags and virDomainMemoryModFlags. */
const maximum = 4;
/** Source: virDomainInterfaceAddressesSource. */
const addressesOf = { agent: 1 } as const;
const labelPrefix = 'berth';

export class LiveDomains {
  readonly #libvirt: Libvirt;
  readonly #affects: number;

  /** `affects`: the running machine, its next start, or both; of one that is made anew, the first. */
  constructor(libvirt: Libvirt, affects: number = affect.live) {
    this.#libvirt = libvirt;
    this.#affects = affects;
  }

  /** How it is now. */
  async xml(domain: Domain, options: CallOptions): Promise<string> {
    const reply = await this.#libvirt.call(
      'DOMAIN_GET_XML_DESC',
      writeDomain(domain).uint(0),
      options,
    );
    return reply.string();
  }

  async attach(domain: Domain, xml: string, options: CallOptions): Promise<void> {
    const body = writeDomain(domain).string(xml).uint(this.#affects);
    await this.#libvirt.call('DOMAIN_ATTACH_DEVICE_FLAGS', body, options);
  }

  /** Asks the guest to let go; it may still have it when this resolves. */
  async detach(domain: Domain, xml: string, options: CallOptions): Promise<void> {
    const body = writeDomain(domain).string(xml).uint(this.#affects);
    await this.#libvirt.call('DOMAIN_DETACH_DEVICE_FLAGS', body, options);
  }

  /** While it runs only ever more: libvirt 9 and QEMU 7 lose the machine after CPUs are taken away. */
  async setCpus(domain: Domain, cpus: number, options: CallOptions): Promise<void> {
    const body = writeDomain(domain).uint(cpus).uint(this.#affects);
    await this.#libvirt.call('DOMAIN_SET_VCPUS_FLAGS', body, options);
  }

  /** What its balloon leaves it. */
  async setMemory(domain: Domain, memoryBytes: bigint, options: CallOptions): Promise<void> {
    const kibibytes = memoryBytes / 1024n;
    const body = writeDomain(domain).hyper(kibibytes).uint(this.#affects);
    await this.#libvirt.call('DOMAIN_SET_MEMORY_FLAGS', body, options);
  }

  /** Up to how many it may get, from its next start on. */
  async setCpusMax(domain: Domain, cpus: number, options: CallOptions): Promise<void> {
    const body = writeDomain(domain)
      .uint(cpus)
      .uint(affect.config | maximum);
    await this.#libvirt.call('DOMAIN_SET_VCPUS_FLAGS', body, options);
  }

  async setMemoryMax(domain: Domain, memoryBytes: bigint, options: CallOptions): Promise<void> {
    const body = writeDomain(domain).hyper(memoryBytes / 1024n);
    await this.#libvirt.call(
      'DOMAIN_SET_MEMORY_FLAGS',
      body.uint(affect.config | maximum),
      options,
    );
  }

  /** How much time its CPUs get; a negative quota is none. */
  async setCpuTime(
    domain: Domain,
    { shares, quotaMicros }: { readonly shares?: number; readonly quotaMicros: number },
    options: CallOptions,
  ): Promise<void> {
    const body = writeDomain(domain).parameters({
      ...(shares === undefined ? {} : { cpu_shares: unsigned(shares) }),
      vcpu_quota: { type: 'signed', value: BigInt(quotaMicros) },
    });
    await this.#libvirt.call(
      'DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS',
      body.uint(this.#affects),
      options,
    );
  }

  /** Begins to copy disks as they are now; the guest goes on meanwhile. */
  async beginBackup(domain: Domain, xml: string, options: CallOptions): Promise<void> {
    const body = writeDomain(domain).string(xml).optionalString(undefined).uint(0);
    await this.#libvirt.call('DOMAIN_BACKUP_BEGIN', body, options);
  }

  /** Whether something that takes long is done to it. Throws when it does not run. */
  async hasJob(domain: Domain, options: CallOptions): Promise<boolean> {
    const reply = await this.#libvirt.call(
      'DOMAIN_GET_JOB_STATS',
      writeDomain(domain).uint(0),
      options,
    );
    return reply.int() !== 0;
  }

  /** How the last one ended; told once. */
  async endedJob(
    domain: Domain,
    options: CallOptions,
  ): Promise<{ readonly type: number; readonly error?: string }> {
    const body = writeDomain(domain).uint(jobStatsCompleted);
    const reply = await this.#libvirt.call('DOMAIN_GET_JOB_STATS', body, options);
    const type = reply.int();
    const error = reply.parameters().get('errmsg');
    return { type, ...(typeof error === 'string' ? { error } : {}) };
  }

  async abortJob(domain: Domain, options: CallOptions): Promise<void> {
    await this.#libvirt.call('DOMAIN_ABORT_JOB', writeDomain(domain), options);
  }

  /** Those that the guest has given itself, as its agent says; loops and links' own left out. */
  async addresses(domain: Domain, options: CallOptions): Promise<readonly string[]> {
    const body = writeDomain(domain).uint(addressesOf.agent).uint(0);
    const reply = await this.#libvirt.call('DOMAIN_INTERFACE_ADDRESSES', body, options);
    const found: string[] = [];
    for (let interfaces = reply.uint(); interfaces > 0; interfaces -= 1) {
      const name = reply.string();
      reply.optionalString(); // Its MAC.
      for (let count = reply.uint(); count > 0; count -= 1) {
        reply.int(); // Which family.
        const address = reply.string();
        reply.uint(); // How long its prefix is.
        if (name !== 'lo' && !address.toLowerCase().startsWith('fe80:')) found.push(address);
      }
    }
    return found;
  }

  /** What the guest may do with a disk; what is absent is unlimited. */
  async setLimits(
    domain: Domain,
    disk: string,
    limits: IoLimits,
    options: CallOptions,
  ): Promise<void> {
    const body = writeDomain(domain)
      .string(disk)
      .parameters({
        read_bytes_sec: unsigned(limits.readBytesPerSecond),
        write_bytes_sec: unsigned(limits.writeBytesPerSecond),
        read_iops_sec: unsigned(limits.readIops),
        write_iops_sec: unsigned(limits.writeIops),
      });
    await this.#libvirt.call('DOMAIN_SET_BLOCK_IO_TUNE', body.uint(this.#affects), options);
  }

  /** What the guest sees of it. */
  async diskBytes(domain: Domain, disk: string, options: CallOptions): Promise<bigint> {
    const body = writeDomain(domain).string(disk).uint(0);
    const reply = await this.#libvirt.call('DOMAIN_GET_BLOCK_INFO', body, options);
    reply.hyper(); // What is allocated of it.
    return reply.hyper();
  }

  async growDisk(domain: Domain, disk: string, bytes: bigint, options: CallOptions): Promise<void> {
    const body = writeDomain(domain).string(disk).hyper(bytes).uint(resizeInBytes);
    await this.#libvirt.call('DOMAIN_BLOCK_RESIZE', body, options);
  }

  /** The element that says whose it is, for this start, where there is one, and the next; absent = nobody's. */
  async setLabels(
    domain: Domain,
    xml: string | undefined,
    running: boolean,
    options: CallOptions,
  ): Promise<void> {
    const body = writeDomain(domain)
      .int(metadataElement)
      .optionalString(xml)
      .optionalString(labelPrefix)
      .optionalString(labelNamespace)
      .uint(affect.config | (running ? affect.live : 0));
    await this.#libvirt.call('DOMAIN_SET_METADATA', body, options);
  }
}

function unsigned(value: number | bigint = 0): TypedNumber {
  return { type: 'unsigned', value: BigInt(value) };
}
