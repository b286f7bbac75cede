/** Carries decisions out: one write with node and allocation for many pods, under the term of the lease. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { Status } from '../../api/status.ts';
import { StatusError } from '../../api/status.ts';
import { backoffMs } from '../../client/backoff.ts';
import type { Client } from '../../client/client.ts';
import type { EventInput } from '../../client/events.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { Allocation } from '../engine/request.ts';
import type { VolumeBinding } from './cluster-volumes.ts';

/** The most bindings of one request. */
export const bindingsMax = 256;

/** Which term the server compares: whoever lost it cannot bind any more. */
export interface Term {
  readonly namespace: string;
  readonly name: string;
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
}

export interface Binding {
  readonly resource: 'pods' | 'vms';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly nodeName: string;
  /** Absent: it has that node already, and gets `volumes` there. */
  readonly allocation?: Allocation;
  /** Bindings of one group are written together, or none of them. */
  readonly group?: string;
  /** What it claims: held for it, and placed where they are not, in the same transaction. */
  readonly volumes?: readonly VolumeBinding[];
}

/** What became of each binding, in order. */
export type BindingResult =
  | { readonly type: 'bound' }
  | { readonly type: 'failed'; readonly error: Status };

/** Thrown when the server says that the term is over. */
export class TermLost extends Error {
  override readonly name = 'TermLost';
}

interface BindingList {
  readonly items: readonly { readonly error?: Status }[];
}

export interface BinderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly term: Term;
}

const path = '/apis/berth.dev/v1/bindings';
const backoff = { baseMs: 100, maxMs: 5_000, jitter: 0.5 };

/**
 * Writes up to `bindingsMax` bindings. While no answer comes the same request is sent again: its first sending may
 * have been carried out, so nothing may be decided anew before that is known. Throws `TermLost`, and whatever
 * `signal` aborts with.
 */
export async function bind(
  bindings: readonly Binding[],
  { client, clock, random, log, term }: BinderOptions,
  signal: AbortSignal,
): Promise<readonly BindingResult[]> {
  const body = { apiVersion: 'berth.dev/v1', kind: 'BindingList', lease: term, items: bindings };
  for (let failures = 1; ; failures += 1) {
    try {
      const answer = await client.post<BindingList>(path, body, { signal });
      return bindings.map((_, index) => resultOf(answer.items[index]?.error));
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof StatusError && (error.code === 409 || error.code === 403)) {
        throw new TermLost(error.message, { cause: error });
      }
      log.warn(
        { err: error, bindings: bindings.length, failures },
        'bindings not written, retrying',
      );
      await clock.sleep(backoffMs(failures, backoff, random), signal);
    }
  }
}

interface Bound {
  readonly binding: Binding;
}

/** What goes into one request: so many, but a gang whole where one request holds it. */
export function partsOf<T extends Bound>(decided: readonly T[]): readonly T[][] {
  const parts: T[][] = [];
  for (const [index, each] of decided.entries()) {
    const part = parts.at(-1);
    const { group } = each.binding;
    const isFirst = group === undefined || decided[index - 1]?.binding.group !== group;
    const together = isFirst ? sizeAt(decided, index) : 1;
    if (part !== undefined && part.length + Math.min(together, bindingsMax) <= bindingsMax)
      part.push(each);
    else parts.push([each]);
  }
  return parts;
}

export function scheduledEvent(pod: Pod, key: string, nodeName: string): EventInput {
  const message = `Successfully assigned ${key} to ${nodeName}`;
  return { involvedObject: pod, type: 'Normal', reason: 'Scheduled', message };
}

/** How many of the same group stand there in a row. */
function sizeAt(decided: readonly Bound[], index: number): number {
  const group = decided[index]?.binding.group;
  if (group === undefined) return 1;
  let end = index;
  while (decided[end]?.binding.group === group) end += 1;
  return end - index;
}

function resultOf(error: Status | undefined): BindingResult {
  return error === undefined ? { type: 'bound' } : { type: 'failed', error };
}
