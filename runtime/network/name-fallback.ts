/**
 * Questions about names, sent to an address where nobody listens any more, go to the server that would
 * have been asked in the end: so instances resolve names of the world while the agent is away. The
 * kernel decides for each question, by whether there is a socket for it.
 */
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';

/** Of the mark of a packet: somebody listens. */
const mark = '0x20000/0x20000';
const port = '53';

/** One chain per address, the same whoever makes it; replaced as a whole. */
export async function ensureNameFallback(
  address: string,
  upstream: string,
  options: CallOptions,
): Promise<void> {
  const chain = `BERTH-DNS-${address}`;
  const answers = `-m conntrack --ctstate DNAT --ctorigdst ${address} --ctorigdstport ${port}`;
  const lines = [
    '*mangle',
    `:${chain} - [0:0]`,
    `-A ${chain} -m socket -j MARK --set-xmark ${mark}`,
    'COMMIT',
    '*nat',
    `:${chain} - [0:0]`,
    ...['udp', 'tcp'].map(
      (protocol) =>
        `-A ${chain} -p ${protocol} -m mark ! --mark ${mark} -j DNAT --to-destination ${upstream}:${port}`,
    ),
    `:${chain}-O - [0:0]`,
    // The answer has to come back this way.
    `-A ${chain}-O ${answers} -j MASQUERADE`,
    'COMMIT',
    '',
  ];
  const restore = ['-w', '--noflush'];
  await run('iptables-restore', restore, { ...options, input: lines.join('\n') });
  for (const protocol of ['udp', 'tcp']) {
    const match = ['-d', address, '-p', protocol, '--dport', port];
    await ensureJump('mangle', ['PREROUTING', ...match, '-j', chain], options);
    await ensureJump('nat', ['PREROUTING', ...match, '-j', chain], options);
  }
  await ensureJump('nat', ['POSTROUTING', '-j', `${chain}-O`], options);
}

async function ensureJump(
  table: string,
  rule: readonly string[],
  options: CallOptions,
): Promise<void> {
  const iptables = ['-w', '-t', table];
  const isThere = await run('iptables', [...iptables, '-C', ...rule], options).then(
    () => true,
    () => false,
  );
  if (!isThere) await run('iptables', [...iptables, '-I', ...rule], options);
}
