/** Publishes what this machine is made of, when that has changed, and hears of disks that are to be measured. */
import { isDeepStrictEqual } from 'node:util';
import type {
  Node,
  NodeTopology,
  NodeTopologyStatus,
  TopologyRuntime,
} from '../../api/kinds.gen.ts';
import { nodeTopologies } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import { retryLevel } from '../../client/retry-level.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { underAny } from '../../lib/under-any.ts';
import { within } from '../../lib/within.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { NumberedGpus } from '../devices/gpu-numbers.ts';
import type { NodeDisks } from '../disks/node-disks.ts';
import { readDiskHardware } from './disk-hardware.ts';
import { readHardware } from './hardware.ts';
import type { Measurements } from './measurements.ts';
import { topologyStatus } from './topology-status.ts';

export interface TopologyKeeperOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly runtimes: readonly Runtime[];
  readonly disks: NodeDisks;
  readonly gpus: NumberedGpus;
  readonly measurements: Measurements;
  readonly memoryBytes: bigint;
  /** Under it the kernel tells of the machine. @default `/` */
  readonly root?: string | undefined;
}

/** How often the machine is looked at. */
const checkMs = 60_000;
const retryMs = 2_000;
/** How long a runtime, and then the API, may take to answer. */
const answerMs = 10_000;

export class TopologyKeeper {
  readonly #options: TopologyKeeperOptions;
  readonly #registered: Promise<void>;
  #register: () => void = () => undefined;
  #nodeUid = '';
  /** Ends the wait for the next look. */
  #wake: () => void = () => undefined;

  constructor(options: TopologyKeeperOptions) {
    this.#options = options;
    this.#registered = new Promise((resolve) => {
      this.#register = resolve;
    });
  }

  /** The Node as the API has it, to which the object belongs; nothing is published before. */
  nodeSeen({ metadata }: Node): void {
    const uid = metadata.uid ?? '';
    // A Node that was made anew takes the object of the one before with it.
    if (this.#nodeUid !== '' && this.#nodeUid !== uid) this.#wake();
    this.#nodeUid = uid;
    this.#register();
  }

  /** Until `signal` aborts. */
  async run({ signal }: CallOptions): Promise<void> {
    const { client, clock, random, log, nodeName, measurements } = this.#options;
    signal.addEventListener('abort', this.#register, { once: true });
    await this.#registered;
    if (signal.aborted) return;
    const how = { clock, random, log, fieldSelector: `metadata.name=${nodeName}` };
    const informer = createInformer<NodeTopology>(client, nodeTopologies, how);
    const subscription = informer.events.subscribe((event) => {
      if (event.type === 'delete') this.#wake();
      if (event.type === 'initApply' || event.type === 'apply')
        measurements.ask(event.object.spec?.measure ?? []);
    });
    measurements.changed = () => this.#wake();
    informer.start();
    try {
      await informer.untilSynced({ signal }).catch(() => undefined);
      while (!signal.aborted) {
        // Before the look: what changes during it is looked at again.
        const wake = new AbortController();
        this.#wake = () => wake.abort(new Error('something has changed'));
        const done = await this.#publish(informer.get(nodeName), signal);
        const rest = (any: AbortSignal) => clock.sleep(done ? checkMs : retryMs, any);
        await underAny([signal, wake.signal], rest).catch(() => undefined);
      }
    } finally {
      subscription.unsubscribe();
      await informer.stop();
    }
  }

  /** Whether the API has it now. */
  async #publish(stored: NodeTopology | undefined, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    try {
      const status = await this.#look(signal);
      if (stored !== undefined && isDeepStrictEqual(stored.status, status)) return true;
      await within(answerMs, clock, signal, (given) => this.#write(stored, status, given));
      return true;
    } catch (error) {
      // Conflict: it was changed meanwhile, and we are about to hear of it.
      if (!signal.aborted && !hasReason(error, 'Conflict', 'AlreadyExists', 'NotFound'))
        log[retryLevel(error)]({ err: error }, 'topology of the node not written');
      return false;
    }
  }

  async #write(
    stored: NodeTopology | undefined,
    status: NodeTopologyStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, nodeName } = this.#options;
    const how = { fieldManager: 'berth-agent', signal };
    const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: this.#nodeUid };
    const object: NodeTopology = {
      apiVersion: 'berth.dev/v1',
      kind: 'NodeTopology',
      metadata: { name: nodeName, ownerReferences: [owner] },
    };
    const known = stored ?? (await client.create<NodeTopology>(nodeTopologies, object, how));
    const full = { ...known, status };
    await client.update(nodeTopologies, full, { ...how, subresource: 'status' });
  }

  async #look(signal: AbortSignal): Promise<NodeTopologyStatus> {
    const { disks, gpus, memoryBytes, measurements, root } = this.#options;
    const published = await disks.published();
    return topologyStatus({
      hardware: await readHardware(root),
      memoryBytes,
      gpus,
      disks: await Promise.all(
        published.map(async (disk) => ({
          disk,
          hardware: disk.device === undefined ? {} : await readDiskHardware(disk.device, root),
          measured: measurements.of(disk.name),
        })),
      ),
      runtimes: await this.#runtimes(signal),
    });
  }

  async #runtimes(signal: AbortSignal): Promise<readonly TopologyRuntime[]> {
    const { runtimes, clock } = this.#options;
    const asked = runtimes.map(async (runtime): Promise<TopologyRuntime> => {
      const { name, gaps } = runtime;
      const cannot = gaps.length === 0 ? {} : { cannot: gaps };
      try {
        const ask = (given: AbortSignal) => runtime.info({ signal: given });
        const { version } = await within(answerMs, clock, signal, ask);
        return { name, version, ...cannot };
      } catch (error) {
        return { name, message: error instanceof Error ? error.message : String(error), ...cannot };
      }
    });
    return await Promise.all(asked);
  }
}
