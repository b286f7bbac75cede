/** The behaviour of every driver of containers and processes, by topic in `runtime/`. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { RuntimeGap } from '../../runtime/runtime.ts';
import { besideTests, containerTests } from './runtime/containers.ts';
import { attachTests, execTests } from './runtime/exec.ts';
import { failureTests } from './runtime/failures.ts';
import { Context, type RuntimeHarness, signal } from './runtime/harness.ts';
import { attemptTests, lifeTests } from './runtime/life.ts';
import { logTests } from './runtime/logs.ts';
import { imageTests, nodeTests, usageTests } from './runtime/node.ts';
import { pauseTests } from './runtime/pause.ts';

export type { Program, RuntimeHarness } from './runtime/harness.ts';

/**
 * What every `Runtime` of containers must do, beside what `instance.ts` asks of all drivers. What it
 * says it cannot do (`gaps`) is left out.
 */
export function runtimeContract(
  name: string,
  makeHarness: () => Promise<RuntimeHarness>,
  gaps: readonly RuntimeGap[] = [],
): void {
  describe(`${name} runtime`, () => {
    const c = new Context(gaps);
    beforeEach(async () => {
      c.harness = await makeHarness();
      c.nodeId = `node-${randomUUID().slice(0, 8)}`;
      c.runtime = c.harness.open(c.nodeId);
    });
    afterEach(async () => {
      for (const { id } of await c.runtime.list({ signal })) {
        await c.runtime.remove(id, { signal, graceMs: 0 });
      }
      expect(await c.harness.leftovers(c.nodeId)).toEqual([]);
      await c.runtime.close();
    });
    describe('life', () => lifeTests(c));
    describe('pause', () => pauseTests(c));
    describe('attempts', () => attemptTests(c));
    describe('containers', () => containerTests(c));
    describe('beside others', () => besideTests(c));
    describe('failures', () => failureTests(c));
    describe('logs', () => logTests(c));
    describe('exec', () => execTests(c));
    if (c.can('stdin')) describe('attach', () => attachTests(c));
    describe('nodes', () => nodeTests(c));
    describe('usage', () => usageTests(c));
    if (c.can('images')) describe('images', () => imageTests(c));
  });
}
