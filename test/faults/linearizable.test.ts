/** Two servers on one etcd, killed and started at random, are one register per object to everybody. */
import { afterEach, expect, test, vi } from 'vitest';
import { until } from '../e2e/until.ts';
import { faultsOf } from './history.ts';
import { RegisterClients } from './register-clients.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';
import { TwoServers } from './two-servers.ts';

vi.setConfig({ testTimeout: soak ? 1_800_000 : 180_000, hookTimeout: 60_000 });

const name = 'linearizable';
const kills = soak ? 60 : 1;
/** Writes that are acknowledged before each kill, and between it and the restart. */
const writesMax = soak ? 150 : 40;

let plane: TwoServers | undefined;
afterEach(async () => {
  await plane?.remove();
  plane = undefined;
});

test(name, async () => {
  for (const seed of seedsOf(name)) await withSeed(name, seed, () => once(new Dice(seed)));
});

async function once(dice: Dice): Promise<void> {
  plane = await TwoServers.start();
  const clients = new RegisterClients(plane.clients, { keys: 3, writers: 3, readers: 2, dice });
  await clients.start();
  for (let kill = 0; kill < kills; kill += 1) {
    await untilWritten(clients, 20 + dice.below(writesMax));
    const victim = dice.below(plane.clients.length);
    await plane.kill(victim);
    await untilWritten(clients, 20 + dice.below(writesMax));
    await plane.restart(victim);
  }
  await untilWritten(clients, writesMax);
  const history = await clients.stop();
  expect(faultsOf(history)).toEqual([]);
  expect(clients.unanswered, 'the kills were not felt').toBeGreaterThan(0);
  await plane.remove();
  plane = undefined;
}

async function untilWritten(clients: RegisterClients, more: number): Promise<void> {
  const wanted = clients.acknowledged + more;
  await until(`${more} more writes are acknowledged`, () => clients.acknowledged >= wanted);
}
