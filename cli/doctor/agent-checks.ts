/** The checks of `berth doctor` on a node that joined: whether its servers answer, and know it. */
import { X509Certificate } from 'node:crypto';
import { readPair } from '../../agent/node/node-certificates.ts';
import { findCondition } from '../../api/conditions.ts';
import type { Node } from '../../api/kinds.gen.ts';
import { nodes } from '../../api/resources.gen.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { sentenceOf } from '../failure.ts';
import { type Joined, loadJoined } from '../join/joined.ts';
import type { PlanePaths } from '../plane/paths.ts';
import type { Finding } from './finding.ts';

const timeoutMs = 5_000;
const dayMs = 86_400_000;
/** The agent renews long before. */
const certificateMinDays = 7;

/** Never rejects; nothing of a node that has not joined. */
export async function agentChecks(paths: PlanePaths, nowMs: number): Promise<readonly Finding[]> {
  const joined = loadJoined(paths);
  if (joined === undefined) return [];
  const pair = await readPair(paths.agentPki, 'client').catch(() => undefined);
  if (pair === undefined) {
    const found = `${paths.agentPki} has none that can be read`;
    return [{ state: 'broken', name: 'certificates', found, remedy: 'join again with a token' }];
  }
  const asked = joined.servers.map((server) => checkServer(server, joined, pair));
  return [...(await Promise.all(asked)), certificateFinding(pair.cert, nowMs)];
}

async function checkServer(
  server: string,
  { ca, nodeName }: Joined,
  pair: { readonly cert: string; readonly key: string },
): Promise<Finding> {
  const name = 'server';
  const transport = createHttpsTransport({ server, ca, ...pair });
  const client = createClient(transport, { userAgent: 'berth-doctor', clock: systemClock });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const node = await client.get<Node>(nodes, { name: nodeName }, { signal });
    const ready = findCondition(node.status?.conditions, 'Ready');
    if (ready?.status === 'True')
      return { state: 'ok', name, found: `${server}, the node is ready` };
    const found = `${server} says the node is not ready: ${ready?.message ?? 'no word of it yet'}`;
    return { state: 'broken', name, found, remedy: 'see the log of the agent: berth status' };
  } catch (error) {
    const why = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : sentenceOf(error);
    return {
      state: 'broken',
      name,
      found: `${server}: ${why}`,
      without: 'what runs here goes on, and nothing new is begun',
      remedy: 'look at the network between, and there: berth doctor',
    };
  } finally {
    transport.close();
  }
}

/** Pure. */
export function certificateFinding(cert: string, nowMs: number): Finding {
  const days = Math.floor((Date.parse(new X509Certificate(cert).validTo) - nowMs) / dayMs);
  const found = `of this node for ${days} more days`;
  if (days >= certificateMinDays) return { state: 'ok', name: 'certificates', found };
  const remedy = 'see the log of the agent, which renews it: berth status';
  return { state: 'broken', name: 'certificates', found, remedy };
}
