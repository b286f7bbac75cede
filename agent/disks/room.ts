/** What all that is done with volumes of this node shares. */
import type { Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import type { VolumeMounts } from '../../runtime/disk/volume-mounts.ts';
import type { MachineControl } from '../../runtime/machine.ts';
import type { KeyedSerial } from '../../runtime/serial.ts';
import type { HeldTooLong } from './held-too-long.ts';
import type { Known } from './known.ts';
import type { NodeDisks } from './node-disks.ts';
import type { VolumeLocks } from './volume-locks.ts';

export interface VolumeRoom {
  readonly disks: NodeDisks;
  readonly mounts: VolumeMounts;
  readonly locks: VolumeLocks;
  readonly known: Known<Volume>;
  readonly snapshots: Known<VolumeSnapshot>;
  /** Whatever touches a volume's image runs in it, by the volume's uid. */
  readonly serial: KeyedSerial;
  readonly tooLong: HeldTooLong;
  /** Of machines that hold volumes; absent where the node runs none. */
  readonly machines?: MachineControl | undefined;
}
