/** Tests that run inside a host of the lab, where systemd is the first process. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The machine may be busy with other tests: what takes this long hangs.
  test: { include: ['test/hosts/inside/*.inside.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
});
