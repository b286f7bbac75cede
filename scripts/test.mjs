#!/usr/bin/env node
// Sets up what the tests need, then runs vitest with our arguments; ends with its words and code.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installMissing } from './setup/debian.mjs';
import { ensureDocker, stopOwnDocker } from './setup/docker.mjs';
import { labPackages, removeDeadLabs } from './setup/lab.mjs';
import { ensureBuild, ensurePackages } from './setup/packages.mjs';
import { findProgram } from './setup/processes.mjs';
import { runScript, step } from './setup/steps.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stateDir = join(root, '.berth', 'test');

const pythonClient = '/usr/lib/python3/dist-packages/kubernetes';

/** What each Debian package is known by. */
const needed = [
  { name: 'etcd-server', isThere: () => existsSync('/usr/bin/etcd') },
  { name: 'etcd-client', isThere: () => existsSync('/usr/bin/etcdctl') },
  { name: 'python3-kubernetes', isThere: () => existsSync(pythonClient) },
  ...labPackages,
];

await runScript('test', async () => {
  await step('npm packages', (note) => ensurePackages(root, note));
  await step('build', () => ensureBuild(root));
  await step('Debian packages', (note) => installMissing(needed, 'the tests need it', note));
  const { startedByUs } = await startDocker();
  if (findProgram('kubectl') === undefined) {
    console.log('\nThere is no kubectl here: tests that need it say so and check less.');
  }
  console.log('');
  try {
    process.exitCode = await vitest(process.argv.slice(2));
  } finally {
    // Silently: the last words are vitest's.
    await removeDeadLabs(root).catch(() => undefined);
    if (startedByUs) await stopOwnDocker(stateDir).catch(() => undefined);
  }
});

async function startDocker() {
  let engine;
  await step('Docker engine', async (note) => {
    engine = await ensureDocker(stateDir, note);
    return engine.startedByUs ? `${engine.version}, started for the tests` : engine.version;
  });
  return engine;
}

/** Resolves with its exit code; a signal that reaches us reaches it too. */
function vitest(args) {
  const binary = join(root, 'node_modules', '.bin', 'vitest');
  const child = spawn(binary, ['run', ...args], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
