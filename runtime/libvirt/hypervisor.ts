import { execFile } from 'node:child_process';
import { arch } from 'node:os';
import { promisify } from 'node:util';
import type { CallOptions } from '../../lib/call.ts';
import { RuntimeError } from '../runtime.ts';
import type { Hypervisor } from './domain-xml.ts';

const run = promisify(execFile);
const tryMs = 10_000;

/**
 * Whether KVM works is found out by trying: a machine may have `/dev/kvm` and refuse it all the same.
 * Throws `Unavailable` without QEMU.
 */
export async function findHypervisor({ signal }: CallOptions): Promise<Hypervisor> {
  const architecture = arch() === 'arm64' ? 'aarch64' : 'x86_64';
  const emulator = `/usr/bin/qemu-system-${architecture}`;
  const quiet = ['-machine', 'none', '-display', 'none', '-nodefaults', '-S'];
  const starts = async (accelerator: string) => {
    // It ends as soon as it reads the end of its monitor's input.
    const args = [...quiet, '-accel', accelerator, '-monitor', 'stdio'];
    const trial = run(emulator, args, { signal, timeout: tryMs });
    trial.child.stdin?.end('quit\n');
    await trial;
  };
  try {
    await starts('kvm');
    return { kvm: true, architecture, emulator };
  } catch {
    signal.throwIfAborted();
  }
  try {
    await starts('tcg');
    return { kvm: false, architecture, emulator };
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError('Unavailable', `QEMU does not start: ${why}`, { cause: error });
  }
}
