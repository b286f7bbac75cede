/** What all subcommands share: how help looks, how wrong usage ends, and common options. */
import { Command, CommanderError } from 'commander';
import { exitCode, Failure, usage } from './failure.ts';

export interface CommandText {
  readonly name: string;
  readonly purpose: string;
  /** Each a command line with an optional `# remark`. */
  readonly examples: readonly string[];
  /** Only what differs from the usual ones. */
  readonly exitCodes?: string;
}

/** A commander command that throws instead of exiting. */
export function newCommand({ name, purpose, examples, exitCodes }: CommandText): Command {
  return new Command(`berth ${name}`)
    .description(purpose)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n\n` +
        `Exit codes: ${exitCodes ?? '0 done, 1 failed, 2 wrong usage'}.`,
    );
}

/** Parses and runs; commander's complaints become `Failure`s. */
export async function runCommand(command: Command, args: readonly string[]): Promise<void> {
  try {
    await command.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return; // Help was shown.
    if (error.code === 'commander.help') throw needsWord(command);
    const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
    const name = command.name();
    throw new Failure(`${message}; see "${name} --help"`, {
      cause: error,
      exitCode: exitCode.usage,
    });
  }
}

function needsWord(command: Command): Failure {
  const words = command.commands.map((each) => each.name());
  const last = words.pop();
  const name = command.name();
  return usage(`${name} needs a word: ${words.join(', ')} or ${last}; see "${name} --help"`);
}

/** For options that are whole numbers. */
export function wholeNumber(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw usage(`${what} must be a whole number from ${min} to ${max}, not "${text}"`);
    }
    return value;
  };
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `1m30s`, `500ms`; a bare number is seconds. */
export function durationMs(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  let total = 0;
  const rest = text.replace(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g, (_, amount: string, unit: string) => {
    total += Number(amount) * unitMs[unit as keyof typeof unitMs]; // The pattern admits only these.
    return '';
  });
  if (rest !== '' || text === '') throw usage(`"${text}" is no duration: write 30s, 5m or 1h30m`);
  return total;
}
