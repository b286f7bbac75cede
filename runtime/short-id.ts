import { createHash } from 'node:crypto';

/** Ten letters and digits that stand for an instance of a node, where names must be short. */
export function shortId(nodeId: string, instance: string): string {
  return createHash('sha256').update(`${nodeId}\0${instance}`).digest('hex').slice(0, 10);
}
