import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes and mostly waits. */
const longest = ['/test/hosts/', '/test/faults/', '/test/e2e/', '/test/'];

/** Files that take long begin first, so that none of them is what everybody waits for at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((part) => moduleId.includes(part));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

const notOurs = ['dist/**', 'node_modules/**'];

export default defineConfig({
  test: {
    // Shared machines stall now and then; at a desk a test that fails once has failed.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    // Most of the time of a file is waiting for daemons, and each has its own.
    maxWorkers: Math.max(2, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...notOurs, 'test/**'],
          // Rooms have no state of their own, so files share a process, and what they import is loaded once.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'whole', include: ['test/**/*.test.ts'], exclude: notOurs } },
    ],
  },
});
