/** `berth exec`: a command inside a running container. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { instanceNamed, instancePath } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

interface ExecOptions extends SessionOptions {
  readonly container?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

export function execCommand(): Command {
  const command = newCommand({
    name: 'exec',
    purpose: 'Runs a command inside a running container of a pod, or inside a virtual machine.',
    examples: [
      'berth exec web-7d4f9-x2k5q -- ls -l /www',
      'berth exec -it workload/web -- sh',
      'echo hello | berth exec -i web-7d4f9-x2k5q -- cat',
      'berth exec vm/db -- /bin/uname -a             # by the agent in the guest',
    ],
    exitCodes: "the command's own; 1 when it could not be run, 2 wrong usage",
  })
    .argument('<pod>', 'pod, or KIND/NAME')
    .argument('<command...>', 'after --')
    .option('-c, --container <name>', 'which container, where there are several')
    .option('-i, --stdin', 'hand our input on')
    .option('-t, --tty', 'with a terminal')
    .passThroughOptions()
    .enablePositionalOptions();
  return addSessionOptions(command).action((pod: string, words: string[], options: ExecOptions) =>
    withSession(options, (session) => exec(session, pod, words, options)),
  );
}

async function exec(
  session: Session,
  pod: string,
  words: readonly string[],
  options: ExecOptions,
): Promise<void> {
  // Options may also stand after the pod, up to "--".
  const { command, extra } = split(words);
  const { stdin = false, tty: wanted = false, container } = { ...options, ...extra };
  if (command.length === 0) throw usage('name a command: berth exec POD -- COMMAND');
  const tty = wanted && stdin ? process.stdin.isTTY === true : wanted;
  if (wanted && !tty)
    process.stderr.write('berth: our input is no terminal: going on without -t\n');
  const query = new URLSearchParams([
    ...command.map((word): [string, string] => ['command', word]),
    ['stdin', String(stdin)],
    ['stdout', 'true'],
    ['stderr', String(!tty)],
    ['tty', String(tty)],
    ...(container === undefined ? [] : [['container', container] as [string, string]]),
  ]);
  const path = `${instancePath(session, await instanceNamed(session, pod), 'exec')}?${query}`;
  const { runExec } = await import('../verbs/exec-stream.ts');
  const raw = tty && process.stdin.isTTY === true;
  if (raw) process.stdin.setRawMode(true);
  try {
    process.exitCode = await runExec(session.kubeconfig, path, {
      ...(stdin ? { stdin: process.stdin } : {}),
      stdout: process.stdout,
      stderr: process.stderr,
      ...(tty ? { terminal: ownTerminal() } : {}),
    });
  } finally {
    if (raw) process.stdin.setRawMode(false);
    process.stdin.destroy();
  }
}

export function ownTerminal() {
  return {
    size: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }),
    onResize: (listener: () => void) => {
      process.stdout.on('resize', listener);
    },
  };
}

/** `-it -c name -- sh` → options and command. Pure. */
export function split(words: readonly string[]): {
  readonly command: readonly string[];
  readonly extra: Pick<ExecOptions, 'stdin' | 'tty' | 'container'>;
} {
  const end = words.indexOf('--');
  const first = words[0];
  if (end < 0 || first === undefined || !first.startsWith('-')) {
    return { command: first === '--' ? words.slice(1) : words, extra: {} };
  }
  let extra: Pick<ExecOptions, 'stdin' | 'tty' | 'container'> = {};
  for (let i = 0; i < end; i += 1) {
    const word = words[i] ?? '';
    if (word === '-c' || word === '--container') {
      const name = words[i + 1];
      if (name === undefined || i + 1 >= end) throw new Failure('-c needs a name');
      extra = { ...extra, container: name };
      i += 1;
    } else if (/^-[it]+$/.test(word)) {
      if (word.includes('i')) extra = { ...extra, stdin: true };
      if (word.includes('t')) extra = { ...extra, tty: true };
    } else if (word === '--stdin') extra = { ...extra, stdin: true };
    else if (word === '--tty') extra = { ...extra, tty: true };
    else throw usage(`"${word}" is no option of exec`);
  }
  return { command: words.slice(end + 1), extra };
}
