/** `berth console`: the serial console of a virtual machine. */
import { Transform } from 'node:stream';
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { usage } from '../failure.ts';
import { instanceNamed, instancePath } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { ownTerminal } from './exec.ts';

/** Control and ], as with virsh and telnet. */
const leaveKey = 0x1d;

export function consoleCommand(): Command {
  const command = newCommand({
    name: 'console',
    purpose:
      'Joins the serial console of a virtual machine. Ctrl-] leaves it; the machine goes on.',
    examples: ['berth console vm/db', 'echo reboot | berth console vm/db'],
  }).argument('<vm>', 'vm/NAME');
  return addSessionOptions(command).action((vm: string, options: SessionOptions) =>
    withSession(options, (session) => join(session, vm)),
  );
}

async function join(session: Session, vm: string): Promise<void> {
  const instance = await instanceNamed(session, vm.includes('/') ? vm : `vm/${vm}`);
  if (instance.resource !== 'vms') throw usage('name a virtual machine: berth console vm/NAME');
  const query = new URLSearchParams({ stdin: 'true', stdout: 'true', tty: 'true' });
  const path = `${instancePath(session, instance, 'attach')}?${query}`;
  const { runExec } = await import('../verbs/exec-stream.ts');
  const leave = new AbortController();
  const stdin = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const at = chunk.indexOf(leaveKey);
      if (at >= 0) leave.abort();
      done(null, at >= 0 ? chunk.subarray(0, at) : chunk);
    },
    // A console has no end of input: what was piped in is said, and then one leaves.
    flush(done) {
      setTimeout(() => leave.abort(), answerMs).unref();
      done();
    },
  });
  const raw = process.stdin.isTTY === true;
  if (raw) {
    process.stdin.setRawMode(true);
    process.stderr.write('Connected: Ctrl-] leaves the console.\r\n');
  }
  process.stdin.pipe(stdin);
  try {
    process.exitCode = await runExec(session.kubeconfig, path, {
      stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      leave: leave.signal,
      ...(raw ? { terminal: ownTerminal() } : {}),
    });
  } finally {
    if (raw) process.stdin.setRawMode(false);
    process.stdin.destroy();
  }
}

/** How long the guest may answer to what was piped in. */
const answerMs = 2_000;
