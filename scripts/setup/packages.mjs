// The project's own packages and its compiled form.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './processes.mjs';
import { Failure, seconds } from './steps.mjs';

/** `npm ci` if node_modules is missing or older than the lock file. */
export async function ensurePackages(root, note = () => undefined) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Failure(`Node.js ${process.version} is too old: install 20.19 or newer`);
  }
  const installed = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) {
    return 'up to date';
  }
  note('npm ci');
  const startedAtMs = Date.now();
  try {
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root });
  } catch (error) {
    throw new Failure(`the npm packages could not be installed: ${error.message}`);
  }
  return `installed (${seconds(startedAtMs)})`;
}

/** Compiles what has changed into dist/. */
export async function ensureBuild(root) {
  const startedAtMs = Date.now();
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  try {
    await run(compiler, ['-p', 'tsconfig.build.json'], { cwd: root });
  } catch (error) {
    throw new Failure(`the build failed ("npm run build" shows all): ${error.message}`);
  }
  return seconds(startedAtMs);
}
