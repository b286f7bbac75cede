/** The node's last known pods on disk, so that it can start them while no control plane answers. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod, Volume } from '../../api/kinds.gen.ts';
import type { Log } from '../../lib/log.ts';
import type { ContainerSpec, InstanceNetwork } from '../../runtime/runtime.ts';
import type { InstanceNetworks } from '../addresses/instance-networks.ts';
import type { SpecStore } from './pod-context.ts';

const version = 1;

interface StoredPod {
  readonly pod: Pod;
  /** The last resolved specification of each container; holds secrets. */
  readonly specs: readonly ContainerSpec[];
  /** By interface of a machine; JSON has no `undefined`. Absent in files of earlier versions. */
  readonly networks?: readonly (InstanceNetwork | null)[];
}

interface CheckpointFile {
  readonly version: number;
  readonly pods: readonly StoredPod[];
  /** Those that lie on the node. */
  readonly volumes?: readonly Volume[];
}

/** `<dataDir>/checkpoint.json`, readable by its owner only, replaced as a whole. */
export class Checkpoint implements SpecStore {
  readonly #path: string;
  readonly #log: Log;
  #pods: readonly Pod[] = [];
  #volumes: readonly Volume[] = [];
  readonly #specs = new Map<string, Map<string, ContainerSpec>>();
  readonly #networks = new Map<string, InstanceNetworks>();
  #written = '';

  constructor(dataDir: string, log: Log) {
    this.#path = join(dataDir, 'checkpoint.json');
    this.#log = log;
  }

  /** The pods of the last save; none when there is no file or it cannot be read. */
  async load(): Promise<readonly Pod[]> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch {
      return [];
    }
    try {
      // Written by `save`; another version is not read.
      const file = JSON.parse(text, revive) as CheckpointFile;
      if (file.version !== version) return [];
      for (const { pod, specs, networks } of file.pods) {
        const { uid = '' } = pod.metadata;
        for (const spec of specs) this.put(uid, spec);
        if (networks !== undefined)
          this.putNetworks(
            uid,
            networks.map((each) => each ?? undefined),
          );
      }
      this.#pods = file.pods.map((each) => each.pod);
      this.#volumes = file.volumes ?? [];
      return this.#pods;
    } catch (error) {
      this.#log.warn({ err: error, path: this.#path }, 'checkpoint not readable');
      return [];
    }
  }

  /** The volumes of the last `load` or `setVolumes`. */
  get volumes(): readonly Volume[] {
    return this.#volumes;
  }

  setVolumes(volumes: readonly Volume[]): void {
    this.#volumes = volumes;
  }

  get(uid: string, container: string): ContainerSpec | undefined {
    return this.#specs.get(uid)?.get(container);
  }

  put(uid: string, spec: ContainerSpec): void {
    const known = this.#specs.get(uid) ?? new Map<string, ContainerSpec>();
    known.set(spec.name, spec);
    this.#specs.set(uid, known);
  }

  getNetworks(uid: string): InstanceNetworks | undefined {
    return this.#networks.get(uid);
  }

  putNetworks(uid: string, networks: InstanceNetworks): void {
    this.#networks.set(uid, networks);
  }

  /** What the next `save` writes; specifications of other pods are forgotten. */
  setPods(pods: readonly Pod[]): void {
    this.#pods = pods;
    const uids = new Set(pods.map((pod) => pod.metadata.uid));
    for (const uid of this.#specs.keys()) if (!uids.has(uid)) this.#specs.delete(uid);
    for (const uid of this.#networks.keys()) if (!uids.has(uid)) this.#networks.delete(uid);
  }

  /** Writes when something has changed since the last time. */
  async save(): Promise<void> {
    const pods = this.#pods.map((pod): StoredPod => {
      const { uid = '' } = pod.metadata;
      const specs = [...(this.#specs.get(uid)?.values() ?? [])];
      const networks = this.#networks.get(uid)?.map((each) => each ?? null);
      return { pod, specs, ...(networks === undefined ? {} : { networks }) };
    });
    const content: CheckpointFile = { version, pods, volumes: this.#volumes };
    const text = JSON.stringify(content, replace);
    if (text === this.#written) return;
    await mkdir(dirname(this.#path), { recursive: true });
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    this.#written = text;
  }
}

/** JSON has no bigint. */
const bigintFields = ['memoryBytes', 'readBytesPerSecond', 'writeBytesPerSecond'];

function replace(key: string, value: unknown): unknown {
  return bigintFields.includes(key) && typeof value === 'bigint' ? String(value) : value;
}

function revive(key: string, value: unknown): unknown {
  return bigintFields.includes(key) && typeof value === 'string' ? BigInt(value) : value;
}
