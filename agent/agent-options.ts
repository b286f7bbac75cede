/** What an agent is started with. */
import type { NodeAddress } from '../api/kinds.gen.ts';
import type { Client } from '../client/client.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Random } from '../lib/random.ts';
import type { CniNetworks } from '../runtime/cni/networks.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { DiskDeclaration } from './disks/node-disks.ts';
import type { NodeDnsOptions } from './dns/node-dns.ts';
import type { NodeNetwork } from './networks/cni-requests.ts';
import type { CollectionPolicy } from './node-images/collection.ts';
import type { NodeFacts } from './pod/downward.ts';
import type { PressureThresholds } from './pressure/pressure.ts';
import type { ServingOptions } from './server/server.ts';
import type { measureDisk } from './topology/measure-disk.ts';

export interface AgentOptions {
  readonly nodeName: string;
  readonly client: Client;
  /** The node is ready when the first one answers. Pods that name no runtime run under Docker. */
  readonly runtimes: readonly Runtime[];
  /** Volumes, checkpoint; made when absent, kept private. */
  readonly dataDir: string;
  /** Disks and consoles of virtual machines. @default `<dataDir>/machines` */
  readonly machinesDir?: string;
  /** Under it drivers tell of their devices, in `proc`, `sys` and `dev`. @default `/` */
  readonly devicesRoot?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Logs, exec, attach and port-forward are served when present. */
  readonly serving?: ServingOptions;
  /** When unused images are removed. */
  readonly imageCollection?: Partial<CollectionPolicy>;
  /** When the node says that it is short of something. */
  readonly pressure?: Partial<PressureThresholds>;
  /** How long a beat of the node counts; default 40 s, renewed four times within it. */
  readonly leaseMs?: number | undefined;
  /** Where the node keeps certificates that it renews itself; absent: somebody else looks after them. */
  readonly certificates?: {
    readonly dir: string;
    readonly seconds?: number | undefined;
    /** Told of each new certificate for the client. */
    readonly onClient: (pair: { readonly cert: string; readonly key: string }) => void;
  };
  readonly labels?: Readonly<Record<string, string>>;
  /** Where volumes lie. @default one, `local`, in `<dataDir>/volumes` */
  readonly disks?: readonly DiskDeclaration[];
  readonly addresses: readonly NodeAddress[];
  /** Networks by CNI, as the runtimes have them. @default none */
  readonly cni?: CniNetworks;
  /** What an instance that names no network gets. @default bridge */
  readonly nodeNetwork?: NodeNetwork;
  /** Where programs in pods find the API; absent: they are not told. */
  readonly apiServer?: NodeFacts['apiServer'];
  /** Answers names of instances to its pods; absent: they resolve as the machine does. */
  readonly names?: Pick<NodeDnsOptions, 'readConf' | 'addressesOf' | 'fallBackTo' | 'keeper'>;
  /** Has rules of the machine's network that somebody took away made again, and tells which. @default nothing is looked at */
  readonly mendNetwork?: (options: CallOptions) => Promise<readonly string[]>;
  /** Measures the disk that has this directory. @default in a process of its own */
  readonly measureDisk?: typeof measureDisk;
  /** What `/metrics` of the node shows; nothing when absent. */
  readonly metrics?: Metrics;
}
