/** The file that resolvers read. Pure. Source: resolv.conf(5). */
import type { DnsSpec } from '../runtime.ts';

export function parseResolvConf(text: string): DnsSpec {
  const servers: string[] = [];
  const options: string[] = [];
  let searches: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) servers.push(words[0]);
    // The last one counts.
    if (keyword === 'search' || keyword === 'domain')
      searches = words.filter((each) => each !== '.');
    if (keyword === 'options') options.push(...words);
  }
  return { servers, searches, options };
}

/** Those that can be reached from another network namespace too. */
export function withoutLoopback(servers: readonly string[]): readonly string[] {
  return servers.filter((each) => !each.startsWith('127.') && each !== '::1');
}

export function formatResolvConf({ servers, searches, options }: DnsSpec): string {
  const lines = [
    ...servers.map((each) => `nameserver ${each}`),
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
  return `${lines.join('\n')}\n`;
}
