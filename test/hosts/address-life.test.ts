/** The life of addresses: random steps on two hosts, and at no moment has an address two holders. */
import { afterAll, beforeAll, test } from 'vitest';
import { Dice, seedsOf, soak, withSeed } from '../faults/runs.ts';
import { AddressLife, type Hull } from './address-life.ts';
import { Cluster } from './cluster.ts';

const title = 'address life';
const steps = soak ? 500 : 40;
/** Everything is waited for only now and then: between, one thing overtakes the other. */
const stepsUntilSettled = 5;
/** A guest takes half a minute to boot where there is no KVM. */
const hulls: readonly Hull[] = soak
  ? ['container', 'process', 'machine']
  : ['container', 'process'];
const setUpMs = 600_000;
const timeoutMs = soak ? 14_400_000 : 900_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start(2);
}, setUpMs);

afterAll(async () => {
  await cluster?.remove();
}, setUpMs);

test.each(seedsOf(title))(
  `${title} %i`,
  (seed) =>
    withSeed(title, seed, async () => {
      const life = new AddressLife(cluster, new Dice(seed), hulls);
      await life.start();
      const done: string[] = [];
      try {
        for (let step = 1; step <= steps; step += 1) {
          done.push(await life.step());
          await life.check();
          if (step % stepsUntilSettled === 0) await life.settle();
        }
      } catch (error) {
        throw new Error(`${error}\nafter ${done.slice(-20).join('; ')}`, { cause: error });
      }
    }),
  timeoutMs,
);
