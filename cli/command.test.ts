import { describe, expect, it } from 'vitest';
import { durationMs, newCommand, runCommand, wholeNumber } from './command.ts';
import { commandGroups, findCommand, overview, suggestion } from './command-table.ts';
import { split } from './commands/exec.ts';
import { exitCode, Failure } from './failure.ts';

const text = { name: 'try', purpose: 'Tries.', examples: ['berth try'] };

describe('durationMs', () => {
  it('reads what kubectl reads, and bare seconds', () => {
    expect(durationMs('90s')).toBe(90_000);
    expect(durationMs('1m30s')).toBe(90_000);
    expect(durationMs('500ms')).toBe(500);
    expect(durationMs('1.5h')).toBe(5_400_000);
    expect(durationMs('7')).toBe(7_000);
  });

  it.each(['', 'soon', '5x', '-3s', '3s!'])('refuses "%s"', (wrong) => {
    expect(() => durationMs(wrong)).toThrow(/is no duration/);
  });
});

describe('wholeNumber', () => {
  it('names the option and its range', () => {
    const port = wholeNumber('--port', 1, 65_535);
    expect(port('6443')).toBe(6443);
    for (const wrong of ['0', '65536', '1.5', 'x', '']) {
      expect(() => port(wrong)).toThrow(/--port must be a whole number from 1 to 65535/);
    }
  });
});

describe('runCommand', () => {
  it('says which words there are when one is missing', async () => {
    const command = newCommand(text);
    for (const name of ['one', 'two', 'three']) command.command(name).action(() => undefined);
    command.configureOutput({ writeErr: () => undefined });
    const error = await runCommand(command, []).catch((e: unknown) => e);
    expect(String(error)).toContain('berth try needs a word: one, two or three; see');
  });

  it('turns an unknown option into wrong usage with a pointer to the help', async () => {
    const error = await runCommand(newCommand(text), ['--nope']).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ exitCode: exitCode.usage });
    expect(String(error)).toMatch(/unknown option '--nope'; see "berth try --help"/);
  });

  it('lets the failure of an action through as it is', async () => {
    const failure = new Failure('the sea is rough');
    const command = newCommand(text).action(() => {
      throw failure;
    });
    await expect(runCommand(command, [])).rejects.toBe(failure);
  });
});

describe('the table of commands', () => {
  it('loads each command under its own name, with examples and exit codes in its help', async () => {
    for (const { commands } of commandGroups) {
      for (const [name, entry] of Object.entries(commands)) {
        const command = await entry.load();
        expect(command.name()).toBe(`berth ${name}`);
        let help = '';
        command.configureOutput({
          writeOut: (written) => {
            help += written;
          },
        });
        command.outputHelp();
        expect(help).toContain(`berth ${name}`);
        expect(help).toMatch(/Examples:\n {2}\S/);
        expect(help).toContain('Exit codes: ');
      }
    }
  });

  it('shows every command in the overview', () => {
    const shown = overview();
    for (const { commands } of commandGroups) {
      for (const name of Object.keys(commands)) expect(shown).toContain(`\n  ${name} `);
    }
  });

  it('knows only its own names', () => {
    expect(findCommand('up')).toBeDefined();
    expect(findCommand('constructor')).toBeUndefined();
  });

  it('suggests what was probably meant', () => {
    expect(suggestion('gett')).toBe('get');
    expect(suggestion('statsu')).toBe('status');
    expect(suggestion('frobnicate')).toBeUndefined();
  });
});

describe('the words after a pod', () => {
  it('are the command, with options before --', () => {
    expect(split(['ls', '-l'])).toEqual({ command: ['ls', '-l'], extra: {} });
    expect(split(['--', 'ls', '-l'])).toEqual({ command: ['ls', '-l'], extra: {} });
    expect(split(['-it', '-c', 'web', '--', 'sh', '-c', 'x'])).toEqual({
      command: ['sh', '-c', 'x'],
      extra: { stdin: true, tty: true, container: 'web' },
    });
  });

  it('keep a -- that belongs to the command', () => {
    expect(split(['grep', '--', '-x'])).toEqual({ command: ['grep', '--', '-x'], extra: {} });
  });

  it('refuse unknown options', () => {
    expect(() => split(['-q', '--', 'ls'])).toThrow(/"-q" is no option/);
  });
});
