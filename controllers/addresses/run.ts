/** The controllers of addresses, which share what is free in each pool. */
import type { ControllerDeps } from '../kit/controller.ts';
import { runController } from '../kit/run-controller.ts';
import { leakController } from './leak-controller.ts';
import { machineController } from './machine-controller.ts';
import { poolController } from './pool-controller.ts';
import { Pools } from './pools.ts';
import { reservationController } from './reservation-controller.ts';

export async function runAddresses(deps: ControllerDeps): Promise<void> {
  const shared = { ...deps, pools: new Pools(deps.informers) };
  await Promise.all([
    runController(reservationController(shared), deps),
    runController(poolController(shared), deps),
    runController(machineController(), deps),
    runController(leakController(shared), deps),
  ]);
}
