/** The life of one instance, the same by every driver: of containers, of processes, of machines. */
import { afterAll, beforeAll, describe } from 'vitest';
import { endingTests, refusalTests } from './instance/ending.ts';
import { type InstanceHarness, Life } from './instance/life.ts';
import { outageTests } from './instance/outage.ts';
import { runningTests } from './instance/running.ts';

export type { InstanceHarness } from './instance/life.ts';

/**
 * What every `Runtime` does with one instance, in the order of its life: each test goes on from where
 * the one before left it, because a machine takes its time to boot. `more` is what only this driver
 * has, told while it runs as attempt 0; it is left up.
 */
export function instanceContract(
  name: string,
  harness: InstanceHarness,
  more: (life: Life) => void = () => undefined,
): void {
  const { outage } = harness;
  describe(`${name}: the life of an instance`, { timeout: 2 * harness.bootMs }, () => {
    const life = begun(harness);
    describe('it runs', () => runningTests(life));
    more(life);
    if (outage !== undefined) describe('its engine is away', () => outageTests(life, outage));
    describe('it ends', () => endingTests(life));
    describe('it cannot', () => refusalTests(life));
  });
}

/** The part of it that an engine of the test's own is needed for. */
export function outageContract(name: string, harness: InstanceHarness): void {
  const { outage } = harness;
  if (outage === undefined) throw new TypeError('the harness has no outage');
  describe(`${name}: the life of an instance`, { timeout: 2 * harness.bootMs }, () => {
    const life = begun(harness);
    beforeAll(async () => {
      await life.ensure();
      await life.untilUp();
    });
    describe('its engine is away', () => outageTests(life, outage));
  });
}

function begun(harness: InstanceHarness): Life {
  const life = new Life(harness);
  beforeAll(() => life.begin(), harness.bootMs);
  afterAll(() => life.end(), harness.bootMs);
  return life;
}
