/** `berth doctor`: what this machine has, and what is left out because of what it has not. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { runChecks } from '../doctor/checks.ts';
import { cniChecks } from '../doctor/cni-checks.ts';
import type { Finding } from '../doctor/finding.ts';
import { exitCode, usage } from '../failure.ts';
import { loadJoined } from '../join/joined.ts';
import { defaultPort, loadConfig } from '../plane/config.ts';
import { dataDirHelp } from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { type PlaneProcess, readPidFile } from '../plane/pid-file.ts';
import { serviceFinding } from '../service/check.ts';

interface DoctorOptions {
  readonly dataDir?: string;
  readonly output?: string;
}

export function doctorCommand(): Command {
  return newCommand({
    name: 'doctor',
    purpose:
      'Checks what this machine has, and the plane that runs on it; says what is left out or broken, and\n' +
      'what to type against it.',
    examples: ['berth doctor', 'berth doctor -o json'],
    exitCodes: '0 all is well, or only left out, 1 something is missing or broken, 2 wrong usage',
  })
    .option('--data-dir <dir>', dataDirHelp)
    .option('-o, --output <format>', 'json')
    .action(doctor);
}

const marks = {
  ok: 'ok      ',
  missing: 'missing ',
  optional: '-       ',
  broken: 'BROKEN  ',
} as const;

async function doctor({ dataDir, output }: DoctorOptions): Promise<void> {
  if (output !== undefined && output !== 'json') throw usage(`-o must be json, not "${output}"`);
  const paths = planePaths(dataDir ?? defaultDataDir());
  const running = readPidFile(paths.pidFile);
  const machine = await runChecks({
    dataDir: paths.dataDir,
    port: loadConfig(paths.dataDir)?.port ?? defaultPort,
    running: running !== undefined,
    joined: loadJoined(paths) !== undefined,
  });
  const plane = running === undefined ? [] : await runningChecks(paths, running);
  const service = running === undefined ? [] : serviceFinding(paths);
  const cni = await cniChecks(loadJoined(paths) ?? loadConfig(paths.dataDir) ?? {});
  const findings = [...machine, ...cni, ...service, ...plane];
  const text =
    output === 'json' ? JSON.stringify(findings, null, 2) : findings.map(line).join('\n');
  process.stdout.write(`${text}\n`);
  if (findings.some(({ state }) => state === 'missing' || state === 'broken'))
    process.exitCode = exitCode.failure;
}

async function runningChecks(paths: PlanePaths, { config }: PlaneProcess) {
  const nowMs = Date.now();
  if (config.servers === undefined) {
    return (await import('../doctor/plane-checks.ts')).planeChecks(paths, config, nowMs);
  }
  return (await import('../doctor/agent-checks.ts')).agentChecks(paths, nowMs);
}

function line({ state, name, found, without, remedy }: Finding): string {
  const rest = state === 'ok' ? [] : [without, remedy].filter((part) => part !== undefined);
  const indent = ' '.repeat(24);
  const more = rest.map((part) => `\n${indent}${part}`).join('');
  return `${marks[state]} ${name.padEnd(14)} ${found}${more}`;
}
