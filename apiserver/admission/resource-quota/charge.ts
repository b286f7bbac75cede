/**
 * What a new object costs the quotas of its namespace, or one that grows. Pure.
 * Source: Kubernetes `apiserver/pkg/admission/plugin/resourcequota/controller.go`, `CheckRequest` (v1.32).
 */
import { at, equal } from '../../../api/json.ts';
import type { JsonObject } from '../../../api/meta.ts';
import { type Amounts, amountsOf } from '../../../api/pod-resources.ts';
import { Quantity } from '../../../api/quantity.ts';
import {
  amountsText,
  type CountedKind,
  inScope,
  isPods,
  namesFor,
  unsaid,
  usageOf,
} from '../../../api/quota.ts';

const nothing = new Quantity(0n);

export interface Newcomer {
  readonly kind: CountedKind;
  readonly object: JsonObject;
  /** As it is stored, of one that is there already: what it grows by is charged. */
  readonly old?: JsonObject | undefined;
  readonly nowMs: number;
}

export type Charge =
  /** The quota does not count such an object. */
  | { readonly type: 'free' }
  /** The quota as it must be stored together with the object. */
  | { readonly type: 'charged'; readonly quota: JsonObject }
  /** How much is used is not known of these: count them, and ask again. */
  | { readonly type: 'unknown'; readonly names: readonly string[] }
  | { readonly type: 'refused'; readonly why: string };

/** `counted` are amounts that the status does not have yet. */
export function charge(
  quota: JsonObject,
  newcomer: Newcomer,
  counted: Amounts = new Map(),
): Charge {
  const { kind, object, old, nowMs } = newcomer;
  // What the spec says holds at once, also before a controller has taken it over into the status.
  const hard = amountsOf(at(quota, 'spec', 'hard'));
  const names = namesFor(kind, hard.keys());
  if (names.length === 0 || !inScope(quota, kind, object)) return { type: 'free' };
  const name = String(at(quota, 'metadata', 'name'));
  const silent = isPods(kind) ? unsaid(object, names) : undefined;
  if (silent !== undefined) return refused(`failed quota: ${name}: ${silent}`);
  const used = knownUsage(quota, hard, counted);
  const unknown = [...hard.keys()].filter((each) => !used.has(each));
  if (unknown.length > 0) return { type: 'unknown', names: unknown };
  const before = old === undefined ? new Map<string, Quantity>() : usageOf(kind, old, nowMs);
  const asked = new Map(
    [...usageOf(kind, object, nowMs)]
      .map(([each, amount]) => [each, amount.sub(before.get(each) ?? nothing)] as const)
      .filter(([each, amount]) => hard.has(each) && amount.nano > 0n),
  );
  if (asked.size === 0) return { type: 'free' };
  const next = new Map(used);
  for (const [each, amount] of asked) next.set(each, used.get(each)?.add(amount) ?? amount);
  const over = [...asked.keys()].filter((each) => isMore(next.get(each), hard.get(each))).sort();
  if (over.length > 0) return refused(exceeded(name, over, { asked, used, hard }));
  return { type: 'charged', quota: withUsage(quota, next) };
}

/** What the status says of what the spec names; an outdated name is dropped. */
function knownUsage(quota: JsonObject, hard: Amounts, counted: Amounts): Map<string, Quantity> {
  const used = amountsOf(at(quota, 'status', 'used'));
  return new Map([...counted, ...[...used].filter(([name]) => hard.has(name))]);
}

function isMore(amount: Quantity | undefined, most: Quantity | undefined): boolean {
  return amount !== undefined && most !== undefined && amount.cmp(most) > 0;
}

function exceeded(
  name: string,
  over: readonly string[],
  { asked, used, hard }: Readonly<Record<'asked' | 'used' | 'hard', Amounts>>,
): string {
  const show = (amounts: Amounts) => over.map((each) => `${each}=${amounts.get(each)}`).join(',');
  const parts = `requested: ${show(asked)}, used: ${show(used)}, limited: ${show(hard)}`;
  return `exceeded quota: ${name}, ${parts}`;
}

function refused(why: string): Charge {
  return { type: 'refused', why };
}

/** The quota with what is used now, and with what is enforced. */
export function withUsage(quota: JsonObject, used: Amounts): JsonObject {
  const hard = amountsText(amountsOf(at(quota, 'spec', 'hard')));
  const status: JsonObject = { hard, used: amountsText(used) };
  return equal(quota['status'], status) ? quota : { ...quota, status };
}
