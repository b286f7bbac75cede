/** Runs one plugin: parameters in its environment, its configuration on its input. */
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../api/meta.ts';
import type { CallOptions } from '../../lib/call.ts';
import { underAny } from '../../lib/under-any.ts';
import { readFailure } from './result.ts';

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'VERSION';

export interface PluginCall {
  readonly command: CniCommand;
  /** The program. */
  readonly path: string;
  readonly config: JsonObject;
  /** `CNI_CONTAINERID` and the like, without the command. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a plugin answered instead of a result. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  /** Source: specification, error codes; 11 = try again later. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** Where Debian, and everybody else, puts them. */
export const defaultPluginDirs: readonly string[] = ['/opt/cni/bin', '/usr/lib/cni'];
export const pluginsRemedy = 'apt-get install containernetworking-plugins';

/** What plugins find programs by, such as iptables. */
const programPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const outputMaxBytes = 1 << 20;
/** Of what it complains, as much as fits into an event. */
const complaintMaxLength = 500;
/** A plugin that hangs ends with its call; some wait for a DHCP server. */
const callMs = 60_000;

/** `undefined` when no directory has it. */
export async function findPlugin(
  directories: readonly string[],
  type: string,
): Promise<string | undefined> {
  for (const directory of directories) {
    const path = join(directory, type);
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return path;
  }
  return undefined;
}

/** Resolves with what it printed; throws `PluginError` with its words. */
export async function runPlugin(call: PluginCall, { signal }: CallOptions): Promise<string> {
  const timeout = AbortSignal.timeout(callMs);
  try {
    return await underAny([signal, timeout], (any) => run(call, any));
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) throw new PluginError(`did not answer within ${callMs / 1000} s`);
    throw error;
  }
}

function run(
  { command, path, config, environment }: PluginCall,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, [], {
      signal,
      killSignal: 'SIGKILL',
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: programPath, ...environment, CNI_COMMAND: command },
    });
    let output = '';
    let complaint = '';
    child.stdout.on('data', (chunk) => {
      if (output.length < outputMaxBytes) output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      if (complaint.length < outputMaxBytes) complaint += chunk;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(config));
    child.on('error', (error) => reject(new PluginError(error.message)));
    child.on('close', (code) => {
      if (code === 0) return resolve(output);
      const failure = readFailure(output);
      if (failure !== undefined) return reject(new PluginError(failure.message, failure.code));
      // What comes first says most, also of a program that crashed.
      const words = (complaint.trim() || output.trim()).slice(0, complaintMaxLength);
      reject(new PluginError(words === '' ? `ended with ${code ?? 'a signal'}` : words));
    });
  });
}
