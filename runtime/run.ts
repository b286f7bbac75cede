import { spawn } from 'node:child_process';
import type { CallOptions } from '../lib/call.ts';

interface RunOptions extends CallOptions {
  /** Written to its input. @default nothing */
  readonly input?: string;
  /** Words on its error output that make a failure none. */
  readonly mayFail?: RegExp;
}

const outputMaxBytes = 1 << 20;

/** Runs a program and resolves with what it printed; rejects with what it complained of. */
export function run(
  program: string,
  args: readonly string[],
  { signal, input = '', mayFail }: RunOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { signal, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let complaint = '';
    child.stdout.on('data', (chunk) => {
      if (output.length < outputMaxBytes) output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      if (complaint.length < outputMaxBytes) complaint += chunk;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    child.on('close', (code) => {
      if (code === 0 || mayFail?.test(complaint)) resolve(output);
      else reject(new Error(`${program} ${args.join(' ')}: ${complaint.trim() || `code ${code}`}`));
    });
  });
}
