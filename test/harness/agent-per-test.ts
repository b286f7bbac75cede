import { afterEach } from 'vitest';
import type { FakeEngineOptions } from '../../runtime/fake/fake.ts';
import { AgentHarness } from './agent.ts';

export interface AgentsOfFile {
  /** Starts only when the test says so. */
  make(engine?: Partial<FakeEngineOptions>): Promise<AgentHarness>;
  /** Made and started. */
  begin(engine?: Partial<FakeEngineOptions>): Promise<AgentHarness>;
}

/** For the tests of the file that calls it: what they make is gone after each of them. */
export function agentPerTest(): AgentsOfFile {
  const made: AgentHarness[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((each) => each.clean()));
  });
  const make = async (engine: Partial<FakeEngineOptions> = {}) => {
    const harness = await AgentHarness.make(engine);
    made.push(harness);
    return harness;
  };
  return {
    make,
    async begin(engine) {
      const harness = await make(engine);
      harness.start();
      return harness;
    },
  };
}
