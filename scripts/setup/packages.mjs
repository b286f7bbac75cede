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
  // No package needs its install script, and some would want a compiler for nothing.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    // Registries have their moments: what fails once may well work at once again.
    await run('npm', args, { cwd: root }).catch(() => run('npm', args, { cwd: root }));
  } catch (error) {
    throw new Failure(`the npm packages could not be installed: ${npmSays(error)}`);
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

/** The first lines of npm's complaint, without its code and its log file. */
function npmSays(error) {
  const lines = (error.stderr ?? error.message)
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/^(npm warn|code |A complete log|Run "npm)/.test(line));
  return lines.slice(0, 3).join(' ');
}
