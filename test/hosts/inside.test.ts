/** Runs the tests in `inside/` on a host of the lab, each with its name in what is told of a failure. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { soak } from '../faults/runs.ts';
import { buildBerth } from '../harness/build.ts';
import { type Lab, startLab } from './lab.ts';

const timeoutMs = 1_200_000;
const slowMs = 3_600_000;
let lab: Lab | undefined;

beforeAll(async () => {
  await buildBerth();
  lab = await startLab(1);
  await lab.makeGuest();
}, timeoutMs);

afterAll(async () => {
  await lab?.down();
}, timeoutMs);

const vitest = [
  'node_modules/.bin/vitest',
  'run',
  '--config',
  'test/hosts/inside/vitest.config.ts',
];

test.each([
  'network',
  'addresses',
  'cni',
  'runtime.systemd',
  'workload.systemd',
  'runtime.libvirt',
  'vm',
])(
  '%s on a host of its own',
  async (file) => {
    const { code, stdout, stderr } = (await lab?.exec(1, [...vitest, file], { timeoutMs })) ?? {};
    expect(code, `${stdout}${stderr}`).toBe(0);
    expect(stdout).toMatch(/Tests .*\d+ passed/);
  },
  timeoutMs,
);

// A whole system boots for minutes where no processor helps.
test.runIf(soak)(
  'debian on a host of its own',
  async () => {
    await lab?.makeDebian();
    const run = [...vitest, 'debian'];
    const { code, stdout, stderr } = (await lab?.exec(1, run, { timeoutMs: slowMs })) ?? {};
    expect(code, `${stdout}${stderr}`).toBe(0);
    expect(stdout).toMatch(/Tests .*\d+ passed/);
  },
  2 * slowMs,
);
