/** `berth version`. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { usage } from '../failure.ts';
import { readVersion } from '../version.ts';

export function versionCommand(): Command {
  return newCommand({
    name: 'version',
    purpose: 'Prints the version of this command.',
    examples: ['berth version', 'berth version -o json'],
  })
    .option('-o, --output <format>', 'json')
    .action(version);
}

function version({ output }: { readonly output?: string }): void {
  const { berth, info } = readVersion();
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify({ berth, api: info }, null, 2)}\n`);
    return;
  }
  if (output !== undefined) throw usage(`-o must be json, not "${output}"`);
  process.stdout.write(`berth ${berth} (API ${info.gitVersion}, Node.js ${process.version})\n`);
}
