/** The check of `berth doctor` for ports of the machine that lead to instances. */
import { missingPorts } from '../../runtime/network/mend-rules.ts';
import { publishedPorts } from '../../runtime/network/publish.ts';
import type { Finding } from './finding.ts';

const timeoutMs = 5_000;
const name = 'host ports';

/** Nothing where no instance has any. Never rejects. */
export async function hostPortFindings(running: boolean): Promise<readonly Finding[]> {
  const { length } = await publishedPorts();
  if (length === 0) return [];
  try {
    const missing = await missingPorts({ signal: AbortSignal.timeout(timeoutMs) });
    if (missing.length === 0) return [{ state: 'ok', name, found: `of ${length} instances` }];
    const found = `rules of iptables are gone: ${missing.join('; ')}`;
    const remedy = running
      ? 'the agent makes them again within 15 s; where they go each time, see who flushes iptables'
      : '"berth up" or "berth agent" makes them again';
    return [{ state: 'broken', name, found, without: 'nobody reaches these ports', remedy }];
  } catch {
    const found = 'iptables does not answer';
    return [
      { state: 'broken', name, found, remedy: 'run "berth doctor" as root; install iptables' },
    ];
  }
}
