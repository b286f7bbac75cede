/** What was last known of names and leases, and where names are asked for: on disk, for when nobody else can tell. */
import type { Log } from '../../../lib/log.ts';
import type { DhcpLease } from '../../dhcp/message.ts';
import { readJsonFile, writeJsonFile } from '../../files/json-file.ts';
import type { Known } from '../zone.ts';
import type { NamedAddresses, OwnNames, ServedPlace } from './messages.ts';

const version = 1;
/** Of what the control plane has said; the least lately asked are forgotten first. */
const namesMax = 10_000;

interface TableFile {
  readonly version: number;
  readonly places: readonly ServedPlace[];
  readonly own: OwnNames;
  readonly leases: readonly DhcpLease[];
  /** In the order in which they were asked for. */
  readonly told: NamedAddresses;
}

const nothing: OwnNames = { instances: 0, names: {}, partly: {} };

export class NameTable {
  readonly #path: string;
  readonly #told = new Map<string, readonly string[]>();
  #own = nothing;
  #places: readonly ServedPlace[] = [];
  #leases: readonly DhcpLease[] = [];
  #changed = false;

  private constructor(path: string) {
    this.#path = path;
  }

  /** What the file has; nothing when there is none, or it cannot be read. */
  static async load(path: string, log: Log): Promise<NameTable> {
    const table = new NameTable(path);
    try {
      // Written by `save`; another version is not read.
      const file = (await readJsonFile(path)) as unknown as TableFile | undefined;
      if (file?.version !== version) return table;
      table.#own = file.own;
      table.#places = file.places;
      table.#leases = file.leases;
      for (const [key, addresses] of Object.entries(file.told)) table.#told.set(key, addresses);
    } catch (error) {
      log.warn({ err: error }, 'the last names are not known');
    }
    return table;
  }

  get instances(): number {
    return this.#own.instances;
  }

  get places(): readonly ServedPlace[] {
    return this.#places;
  }

  setPlaces(places: readonly ServedPlace[]): void {
    this.#places = places;
    this.#changed = true;
  }

  /** Of DHCP. */
  get leases(): readonly DhcpLease[] {
    return this.#leases;
  }

  setLeases(leases: readonly DhcpLease[]): void {
    this.#leases = leases;
    this.#changed = true;
  }

  setOwn(own: OwnNames): void {
    this.#own = own;
    this.#changed = true;
  }

  /** Notes what the control plane has said; what is not known to it is not forgotten here. */
  note(key: string, known: Known): void {
    if (known.type === 'unknown') return;
    const before = this.#told.get(key);
    this.#told.delete(key);
    if (known.type === 'found') this.#told.set(key, known.addresses);
    if (JSON.stringify(before) !== JSON.stringify(this.#told.get(key))) this.#changed = true;
    const [oldest] = this.#told.keys();
    if (this.#told.size > namesMax && oldest !== undefined) this.#told.delete(oldest);
  }

  /** What the node knows by itself comes first: it was told of every change. */
  find(key: string): Known {
    const addresses = this.#own.names[key] ?? this.#told.get(key) ?? this.#own.partly[key];
    return addresses === undefined ? { type: 'unknown' } : { type: 'found', addresses };
  }

  /** Writes what has changed since the last time. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const file: TableFile = {
      version,
      places: this.#places,
      own: this.#own,
      leases: this.#leases,
      told: Object.fromEntries(this.#told),
    };
    await writeJsonFile(this.#path, file);
  }
}
