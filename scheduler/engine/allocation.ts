/** The devices that a node would give. */
import type { Allocation, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

/** As the node's devices choose by themselves; for one that fits there. Changes nothing. */
export function allocationOn(
  snapshot: Snapshot,
  request: PlacementRequest,
  node: string,
): Allocation {
  const index = snapshot.indexOf(node) ?? -1;
  return Object.fromEntries(
    request.parts.flatMap(({ dimension, need }) => {
      const devices = snapshot.devicesAt(dimension, index);
      return devices === undefined ? [] : [[dimension, devices.allocate(need)] as const];
    }),
  );
}
