/** What libvirt is asked about the snapshots of a domain. */
import type { CallOptions } from '../../lib/call.ts';
import {
  type Domain,
  errorCode,
  hasCode,
  type Libvirt,
  readDomain,
  writeDomain,
} from './libvirt.ts';
import { type XdrReader, XdrWriter } from './rpc/xdr.ts';

export interface Snapshot {
  readonly name: string;
  readonly domain: Domain;
}

/** Source: virDomainSnapshotRevertFlags. */
const revertForced = 4;

export class Snapshots {
  readonly #libvirt: Libvirt;

  constructor(libvirt: Libvirt) {
    this.#libvirt = libvirt;
  }

  async create(domain: Domain, xml: string, options: CallOptions): Promise<Snapshot> {
    const body = writeDomain(domain).string(xml).uint(0);
    return readSnapshot(await this.#libvirt.call('DOMAIN_SNAPSHOT_CREATE_XML', body, options));
  }

  /** `undefined` when there is none of that name. */
  async find(domain: Domain, name: string, options: CallOptions): Promise<Snapshot | undefined> {
    const body = writeDomain(domain).string(name).uint(0);
    try {
      return readSnapshot(
        await this.#libvirt.call('DOMAIN_SNAPSHOT_LOOKUP_BY_NAME', body, options),
      );
    } catch (error) {
      if (hasCode(error, errorCode.noSnapshot, errorCode.noDomain)) return undefined;
      throw error;
    }
  }

  async count(domain: Domain, options: CallOptions): Promise<number> {
    const body = writeDomain(domain).uint(0);
    return (await this.#libvirt.call('DOMAIN_SNAPSHOT_NUM', body, options)).int();
  }

  async xml(snapshot: Snapshot, options: CallOptions): Promise<string> {
    const body = writeSnapshot(snapshot).uint(0);
    return (await this.#libvirt.call('DOMAIN_SNAPSHOT_GET_XML_DESC', body, options)).string();
  }

  /** As it was then, running if it did. Also where what runs now is made of something else. */
  async revert(snapshot: Snapshot, options: CallOptions): Promise<void> {
    const body = writeSnapshot(snapshot).uint(revertForced);
    await this.#libvirt.call('DOMAIN_REVERT_TO_SNAPSHOT', body, options);
  }

  async remove(snapshot: Snapshot, options: CallOptions): Promise<void> {
    const body = writeSnapshot(snapshot).uint(0);
    await this.#libvirt.call('DOMAIN_SNAPSHOT_DELETE', body, options);
  }

  /** Makes the guest's file systems still; answers how many. Throws without an agent. */
  async freeze(domain: Domain, options: CallOptions): Promise<number> {
    return await this.#fileSystems('DOMAIN_FSFREEZE', domain, options);
  }

  async thaw(domain: Domain, options: CallOptions): Promise<number> {
    return await this.#fileSystems('DOMAIN_FSTHAW', domain, options);
  }

  async #fileSystems(
    procedure: 'DOMAIN_FSFREEZE' | 'DOMAIN_FSTHAW',
    domain: Domain,
    options: CallOptions,
  ): Promise<number> {
    // No list of them: all.
    const body = writeDomain(domain).uint(0).uint(0);
    return (await this.#libvirt.call(procedure, body, options)).int();
  }
}

function writeSnapshot({ name, domain }: Snapshot): XdrWriter {
  return new XdrWriter().string(name).fixed(writeDomain(domain).bytes());
}

function readSnapshot(reader: XdrReader): Snapshot {
  return { name: reader.string(), domain: readDomain(reader) };
}
