/** Tests that run inside a host of the lab, where systemd is the first process. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/hosts/inside/*.inside.ts'], testTimeout: 30_000, hookTimeout: 60_000 },
});
