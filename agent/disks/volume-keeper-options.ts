/** What those who keep volumes and snapshots of a node have to work with. */
import type { Volume } from '../../api/kinds.gen.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { MachineControl } from '../../runtime/machine.ts';
import type { NodeDisks } from './node-disks.ts';

export interface VolumeKeeperOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly disks: NodeDisks;
  /** Mounts and locks lie below it. */
  readonly dataDir: string;
  /** Of machines, which may hold volumes; absent where the node runs none. */
  readonly machines?: MachineControl | undefined;
  /** Told of each volume that has changed, or is free again. */
  readonly changed: (volume: Volume) => void;
}
