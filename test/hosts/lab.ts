/** Hosts with a systemd and a dockerd of their own, on this machine: see `lab/lab`. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Output, type RunOptions, runCommand } from '../harness/run-command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** On a busy machine; idle it takes two seconds for each host. */
const startMs = 180_000;
/** It is brought and unpacked package by package. */
const debianMs = 1_200_000;
const script = join(root, 'test', 'hosts', 'lab', 'lab');

export interface Lab {
  /** Runs a command on host `number`, counted from 1, in the checkout. */
  exec(number: number, command: readonly string[], options?: RunOptions): Promise<Output>;
  /** What runs a command on a host, for those who start programs themselves, with `env`. */
  command(number: number, command: readonly string[]): readonly [string, readonly string[]];
  readonly env: Readonly<Record<string, string>>;
  /** The power is cut, or comes back; it is up when that resolves. */
  crash(number: number): Promise<void>;
  boot(number: number): Promise<void>;
  /** Makes a small guest for virtual machines: `/lab/vmlinuz` and `/lab/initrd.gz` on every host. */
  makeGuest(): Promise<void>;
  /** Makes a whole Debian, `/lab/debian.qcow2` with its `.vmlinuz` and `.initrd`; takes minutes. */
  makeDebian(): Promise<void>;
  down(): Promise<void>;
}

/** Ready when this resolves; labs of other names are left alone. */
export async function startLab(hosts: number): Promise<Lab> {
  const env = {
    LAB_NAME: `berth-lab-${process.pid}`,
    // It is the same for every lab of this checkout.
    GUEST_CACHE: join(root, 'node_modules', '.cache', 'guest'),
  };
  const lab = (args: readonly string[], options: RunOptions = {}) =>
    runCommand('bash', [script, ...args], { ...options, env: { ...env, ...options.env } });
  const ok = async (...args: readonly string[]) => {
    const timeoutMs = args[0] === 'debian' ? debianMs : startMs;
    const { code, stdout, stderr } = await lab(args, { timeoutMs });
    if (code !== 0) throw new Error(`lab ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  };
  await ok('up', String(hosts)).catch(async (error) => {
    await ok('down');
    throw error;
  });
  const inside = (number: number, command: readonly string[]) =>
    ['exec', String(number), 'env', '-C', root, ...command] as const;
  return {
    makeGuest: () => ok('guest'),
    makeDebian: () => ok('debian'),
    exec: (number, command, options) => lab(inside(number, command), options),
    command: (number, command) => ['bash', [script, ...inside(number, command)]],
    env,
    crash: (number) => ok('crash', String(number)),
    boot: (number) => ok('start', String(number)),
    down: () => ok('down'),
  };
}
