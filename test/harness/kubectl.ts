/** The real kubectl, where this machine has one. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plane } from './plane.ts';
import {
  type Output,
  type Running,
  type RunOptions,
  runCommand,
  startCommand,
} from './run-command.ts';

export interface KubectlBinary {
  readonly path: string;
  /** `1.32` */
  readonly version: string;
}

const preferred = '1.32';
const supported = ['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36'];

/** The versions that Berth promises to work with, of those that are here; the best tested first. */
export const kubectls: readonly KubectlBinary[] = find();

/** What the tests use; absent = they are skipped. */
export const kubectlBinary = kubectls[0];

if (kubectlBinary === undefined) {
  console.warn('There is no kubectl on this machine: the tests that need it are left out.');
}

export interface Kubectl {
  (args: readonly string[] | string, options?: RunOptions): Promise<Output>;
  /** The standard output; throws with what it said when it fails. */
  ok(args: readonly string[] | string, options?: RunOptions): Promise<string>;
  /** Applies a manifest given as objects or text. */
  apply(manifest: unknown, ...flags: readonly string[]): Promise<string>;
  /** Goes on in the background. */
  start(args: readonly string[] | string, options?: RunOptions): Running;
  readonly command: readonly string[];
}

/** Kubectl as the administrator of a plane. A string of arguments is split at spaces. */
export function kubectlOf(
  plane: Pick<Plane, 'kubeconfig' | 'dataDir'>,
  { namespace = 'default', binary = kubectlBinary as KubectlBinary } = {},
): Kubectl {
  const { path } = binary;
  // Its cache of discovery lies in the home directory, and ports are used again.
  const env = { KUBECONFIG: plane.kubeconfig, HOME: plane.dataDir };
  const prepare = (args: readonly string[] | string, options: RunOptions = {}) =>
    [
      ['-n', namespace, ...(typeof args === 'string' ? args.split(' ') : args)],
      { ...options, env: { ...env, ...options.env } },
    ] as const;
  const run = (args: readonly string[] | string, options?: RunOptions) =>
    runCommand(path, ...prepare(args, options));
  const ok = async (args: readonly string[] | string, options?: RunOptions) => {
    const { code, stdout, stderr } = await run(args, options);
    if (code !== 0) throw new Error(`kubectl ${args} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  };
  return Object.assign(run, {
    ok,
    apply: (manifest: unknown, ...flags: readonly string[]) =>
      ok(['apply', '-f', '-', ...flags], { stdin: manifestText(manifest) }),
    start: (args: readonly string[] | string, options?: RunOptions) =>
      startCommand(path, ...prepare(args, options)),
    command: [path, '-n', namespace],
  });
}

/** What `-f -` reads: a text as it is, objects as JSON. */
export function manifestText(manifest: unknown): string {
  if (typeof manifest === 'string') return manifest;
  if (!Array.isArray(manifest)) return JSON.stringify(manifest);
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifest });
}

function find(): readonly KubectlBinary[] {
  const onPath = (process.env['PATH'] ?? '')
    .split(':')
    .map((directory) => join(directory, 'kubectl'))
    .find(existsSync);
  if (onPath === undefined) return [];
  // Some installations put a dispatcher on the path, and one binary for each version beside it.
  const directory = dirname(realpathSync(onPath));
  const versioned = readdirSync(directory)
    .map((name) => ({ path: join(directory, name), version: name.replace(/^kubectl\./, '') }))
    .filter(({ version }) => supported.includes(version))
    .sort((a, b) => Number(b.version === preferred) - Number(a.version === preferred));
  if (versioned.length > 0) return versioned;
  const text = execFileSync(onPath, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const { clientVersion } = JSON.parse(text) as {
    clientVersion: { major: string; minor: string };
  };
  return [{ path: onPath, version: `${clientVersion.major}.${clientVersion.minor}` }];
}
