/** The checks of `berth doctor` for ports of the machine that lead to instances, and for who answers names. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { asObject, asString, objectsOf } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import { missingPorts } from '../../runtime/network/mend-rules.ts';
import { publishedPorts } from '../../runtime/network/publish.ts';
import { keeperFiles } from '../node/keeper-program.ts';
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

/** Nothing where no instance could ask. Never rejects. */
export async function nameFindings(
  agentDir: string,
  running: boolean,
): Promise<readonly Finding[]> {
  const { socketPath, tablePath, logPath } = keeperFiles(agentDir);
  const table = tableIn(tablePath);
  const instances = asObject(table?.['own'])?.['instances'] ?? 0;
  if (instances === 0) return [];
  if (await isAnswered(socketPath)) {
    const at = objectsOf(table?.['places']).map(({ address }) => asString(address));
    const found = at.length === 0 ? 'nobody asks' : `answered at ${at.join(', ')}`;
    return [{ state: 'ok', name: 'names', found }];
  }
  const found = 'nobody answers <name>.<namespace>.berth on this machine';
  const remedy = running
    ? `the agent starts it again within a second; where it does not stay, see ${logPath}`
    : '"berth up" or "berth agent" starts it again';
  const without = 'instances do not find each other by name';
  return [{ state: 'broken', name: 'names', found, without, remedy }];
}

/** Undefined when it is not there, or cannot be read. */
function tableIn(path: string) {
  try {
    const table: JsonValue = JSON.parse(readFileSync(path, 'utf8'));
    return asObject(table);
  } catch {
    return undefined;
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(false));
  });
}
