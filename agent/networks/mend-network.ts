/** Looks again and again whether the machine's network is still as instances need it. */
import type { CallOptions } from '../../lib/call.ts';
import type { AgentOptions } from '../agent-options.ts';

const lookMs = 15_000;

export async function mendingNetwork(
  { mendNetwork, clock, log }: Pick<AgentOptions, 'mendNetwork' | 'clock' | 'log'>,
  { signal }: CallOptions,
): Promise<void> {
  if (mendNetwork === undefined) return;
  let told = '';
  while (!signal.aborted) {
    await clock.sleep(lookMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const mended = await mendNetwork({ signal }).catch((error): readonly string[] => {
      if (!signal.aborted) log.debug({ err: error }, 'rules of iptables not looked at');
      return [];
    });
    // What is gone each time is told once.
    const now = mended.join();
    if (now !== '' && now !== told) log.warn({ mended }, 'rules of iptables were gone, made again');
    told = now;
  }
}
