/** The service of systemd that runs what a data directory holds: whether there is one, and its life. */
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Failure } from '../failure.ts';
import { nodeFlags } from '../plane/background.ts';
import { type PlanePaths, rootDataDir } from '../plane/paths.ts';
import { unitName, unitText } from './unit-file.ts';

const execute = promisify(execFile);
const unitsDir = '/etc/systemd/system';

/** Whether systemd is what starts services on this machine. Source: sd_booted(3). */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

export function unitOf({ dataDir }: PlanePaths): string {
  return unitName(dataDir, rootDataDir);
}

/** The name of its unit, or `undefined` when nothing starts it with the machine. */
export function installedUnit(paths: PlanePaths): string | undefined {
  const unit = unitOf(paths);
  return hasSystemd() && existsSync(join(unitsDir, unit)) ? unit : undefined;
}

/** Where what runs in the directory writes its log. */
export function logOf(paths: PlanePaths): string {
  const unit = installedUnit(paths);
  return unit === undefined ? paths.log : `journalctl -u ${unit}`;
}

/** Writes the unit of `berth <command>` and has it start with the machine; it is not started yet. */
export async function installUnit(paths: PlanePaths, command: 'up' | 'agent'): Promise<string> {
  const unit = unitOf(paths);
  const main = fileURLToPath(import.meta.resolve('../main.js'));
  const foreground = command === 'up' ? ['--foreground'] : [];
  const words = [process.execPath, ...nodeFlags, main, command, ...foreground];
  const text = unitText({
    description: command === 'up' ? 'Berth control plane and agent' : 'Berth agent',
    command: [...words, '--data-dir', paths.dataDir],
  });
  writeFileSync(join(unitsDir, unit), text);
  await systemctl('daemon-reload');
  await systemctl('enable', '--quiet', unit);
  return unit;
}

/** It is stopped, too. */
export async function uninstallUnit(unit: string): Promise<void> {
  await systemctl('disable', '--quiet', '--now', unit);
  rmSync(join(unitsDir, unit), { force: true });
  await systemctl('daemon-reload');
}

/** Resolves with its main process when it is ready; throws a `Failure` with its own sentence. */
export async function startService(unit: string): Promise<number> {
  try {
    await systemctl('start', unit);
    return (await pidOf(unit)) ?? 0;
  } catch (cause) {
    const said = await lastSentence(unit);
    throw new Failure(said ?? `${unit} did not start: see "journalctl -u ${unit}"`, { cause });
  }
}

export async function stopUnit(unit: string): Promise<void> {
  await systemctl('stop', unit);
}

/** Also while it waits for its next try. */
export async function isActive(unit: string): Promise<boolean> {
  const state = await systemctl('show', '--property=ActiveState', '--value', unit);
  return state !== 'inactive' && state !== 'failed';
}

/** Its main process; `undefined` while it does not run. */
export async function pidOf(unit: string): Promise<number | undefined> {
  const pid = Number(await systemctl('show', '--property=MainPID', '--value', unit));
  return pid > 0 ? pid : undefined;
}

async function lastSentence(unit: string): Promise<string | undefined> {
  const args = ['--unit', unit, '--lines', '20', '--output', 'cat'];
  const { stdout } = await execute('journalctl', args).catch(() => ({ stdout: '' }));
  const sentences = stdout.split('\n').filter((line) => line.startsWith('berth: '));
  return sentences.at(-1)?.slice('berth: '.length);
}

async function systemctl(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('systemctl', [...args]);
  return stdout.trim();
}
