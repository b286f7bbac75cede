/** The informers of what lies on disks. */
import type { Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import type { AddressesOptions } from './addresses.ts';

export function storageInformers(options: AddressesOptions) {
  return {
    volumes: createInformer<Volume>(options.client, volumes, options),
    snapshots: createInformer<VolumeSnapshot>(options.client, volumeSnapshots, options),
  };
}
