/**
 * Rules of iptables that somebody flushed come back: ports of the machine that lead to instances, and the way out of the node's
 * own bridges. One program tells whether anything is missing.
 */
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import { type PublishedPorts, publishAgain, publishedPorts } from './publish.ts';
import { ensureRule, keptRules, type Rule } from './rules.ts';

interface Missing {
  readonly rules: readonly Rule[];
  readonly published: readonly PublishedPorts[];
}

/** Makes them again; answers in words which were gone. Throws where iptables does not answer. */
export async function mendRules(options: CallOptions): Promise<readonly string[]> {
  const { rules, published } = await look(options);
  const mended: string[] = [];
  // Written otherwise than it is printed, it may be there all the same.
  for (const rule of rules) if (await ensureRule(rule, options)) mended.push(wordsOf(rule));
  for (const each of published) {
    await publishAgain(each.key, options);
    mended.push(portWords(each));
  }
  return mended;
}

/** What `mendRules` would make again of ports; nothing is changed. */
export async function missingPorts(options: CallOptions): Promise<readonly string[]> {
  return (await look(options)).published.map(portWords);
}

/** What is not among the rules that `iptables-save` has printed. Pure. */
export function missingIn(
  saved: string,
  rules: readonly Rule[],
  published: readonly PublishedPorts[],
): Missing {
  const lines = new Set(saved.split('\n'));
  return {
    rules: rules.filter(({ rule }) => !lines.has(`-A ${rule.join(' ')}`)),
    published: published.filter((each) => !isWhole(each, saved)),
  };
}

async function look(options: CallOptions): Promise<Missing> {
  const [rules, published] = await Promise.all([keptRules(), publishedPorts()]);
  if (rules.length + published.length === 0) return { rules, published };
  return missingIn(await run('iptables-save', [], options), rules, published);
}

/** The way there, as many rules as there are ports, and the guard of the machine's loopback. */
function isWhole({ key, bridge, ports }: PublishedPorts, saved: string): boolean {
  const own = `BERTH-P-${key}`;
  const count = (start: string) => saved.split(`\n${start}`).length - 1;
  const jumps = [
    '-A PREROUTING -m addrtype --dst-type LOCAL -j BERTH-PORTS\n',
    '-A OUTPUT -m addrtype --dst-type LOCAL -j BERTH-PORTS\n',
    '-A POSTROUTING -j BERTH-PORTS-B\n',
    '-A FORWARD -j BERTH-PORTS-F\n',
    `-A BERTH-PORTS -j ${own}\n`,
    `-A BERTH-PORTS-B -j ${own}-B\n`,
    `-A BERTH-PORTS-F -j ${own}-F\n`,
  ];
  if (jumps.some((jump) => count(jump) === 0)) return false;
  const guards = saved.split('\n').filter((line) => line.startsWith('-A INPUT -d 127.0.0.0/8 '));
  if (!guards.some((line) => line.includes(` -i ${bridge} `))) return false;
  return [own, `${own}-F`].every((chain) => count(`-A ${chain} `) >= ports.length);
}

function wordsOf({ table, rule }: Rule): string {
  return `${table} ${rule.join(' ')}`;
}

function portWords({ ip, ports }: PublishedPorts): string {
  const all = ports.map(({ hostPort, containerPort, protocol }) => {
    return `${hostPort}/${protocol.toLowerCase()} to ${ip}:${containerPort}`;
  });
  return `ports ${all.join(', ')}`;
}
