/** The `berth` command: finds the subcommand, loads only that, and turns errors into sentences. */
import { findCommand, overview, suggestion } from './command-table.ts';
import { exitCode, Failure, sentenceOf, usage } from './failure.ts';

/** Runs one command line; never throws. Sets the exit code, and lets the process end by itself. */
export async function main(args: readonly string[]): Promise<void> {
  // `berth get … | head` closes our output early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode.ok);
    throw error;
  });
  try {
    await dispatch(args);
  } catch (error) {
    process.exitCode = error instanceof Failure ? error.exitCode : exitCode.failure;
    process.stderr.write(`berth: ${sentenceOf(error)}\n`);
    if (process.env['BERTH_DEBUG'] === '1') console.error(error);
  }
}

async function dispatch(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    return help(name === 'help' ? rest[0] : undefined);
  }
  await run(name === '--version' || name === '-V' ? 'version' : name, rest);
}

async function help(topic: string | undefined): Promise<void> {
  if (topic === undefined) process.stdout.write(overview());
  else await run(topic, ['--help']);
}

async function run(name: string, args: readonly string[]): Promise<void> {
  const entry = findCommand(name);
  if (entry === undefined) {
    const near = suggestion(name);
    const hint = near === undefined ? '' : `, did you mean "berth ${near}"?`;
    throw usage(`there is no command "${name}"${hint} ("berth --help" lists all)`);
  }
  const { runCommand } = await import('./command.ts');
  await runCommand(await entry.load(), args);
}

await main(process.argv.slice(2));
