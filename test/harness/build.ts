/** What tests run as `berth`: the command, compiled from the working tree. */
import { mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const berthPath = join(root, 'bin', 'berth');
/** What `berthPath` runs, for tests that start it with flags of Node's. */
export const berthMain = join(root, 'dist', 'cli', 'main.js');

/** The compiler's own notes; their time says as of when the sources were read. */
const buildInfo = join(root, 'dist', '.tsbuildinfo');
const notCompiled = new Set(['.berth', '.git', 'dist', 'docs', 'node_modules', 'test']);

/**
 * What the tests run is what is in the working tree; nothing is done where it is that already. Types are another
 * command's business.
 */
export async function buildBerth(): Promise<void> {
  if (newestSourceMs() < (modifiedMs(buildInfo) ?? 0)) return;
  const startedAt = new Date();
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  // Several test files may want it at once.
  const lock = join(cache, 'e2e-build.lock');
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  const words = [lock, compiler, '-p', 'tsconfig.build.json', '--noCheck'];
  const { code, stdout, stderr } = await runCommand('flock', words, { cwd: root });
  if (code !== 0) throw new Error(`the build failed: ${stdout}${stderr}`);
  utimesSync(buildInfo, startedAt, startedAt);
}

/** Of directories too: that is where it shows that a file was removed. */
function newestSourceMs(): number {
  const directories = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !notCompiled.has(entry.name))
    .map(({ name }) => join(root, name));
  const inThem = directories.flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) =>
      join(directory, name),
    ),
  );
  const settings = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const all = [...directories, ...inThem, ...settings.map((name) => join(root, name))];
  return Math.max(...all.map((path) => modifiedMs(path) ?? 0));
}

function modifiedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
