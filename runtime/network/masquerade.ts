/** Lets what is on a bridge of the node out into the world, and answers back in, by iptables. */
import { readFile, writeFile } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { keepRule, type Rule } from './rules.ts';

/**
 * Traffic of `subnet` that leaves the bridge has the machine's own address. Without iptables the
 * instances reach one another and this machine, but nothing beyond it.
 */
export async function masquerade(
  bridge: string,
  subnet: string,
  options: CallOptions,
): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1').catch(() => undefined);
  const rule = ['POSTROUTING', '-s', subnet, '!', '-o', bridge, '-j', 'MASQUERADE'];
  await keep({ table: 'nat', how: '-A', rule }, options);
}

/** Where a policy drops what is forwarded, as Docker sets one, the bridge's traffic passes. */
export async function allowForwarding(bridge: string, options: CallOptions): Promise<void> {
  const answers = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'];
  await keep(
    { table: 'filter', how: '-I', rule: ['FORWARD', '-i', bridge, '-j', 'ACCEPT'] },
    options,
  );
  await keep(
    { table: 'filter', how: '-I', rule: ['FORWARD', '-o', bridge, ...answers, '-j', 'ACCEPT'] },
    options,
  );
}

/**
 * What stays on a bridge of somebody else's passes too, where the kernel has iptables judge it: with
 * Docker's policy nothing would come in by an uplink.
 */
export async function allowBridged(bridge: string, options: CallOptions): Promise<void> {
  const judged = await readFile('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8').catch(
    () => '0',
  );
  if (judged.trim() !== '1') return;
  await keep(
    { table: 'filter', how: '-I', rule: ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT'] },
    options,
  );
}

/** Where there is no iptables nothing is lost but the way out. */
async function keep(rule: Rule, options: CallOptions): Promise<void> {
  await keepRule(rule, options).catch(() => undefined);
  options.signal.throwIfAborted();
}
