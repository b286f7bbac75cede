/**
 * Judges what clients of one store saw: each key is a register that is written by compare-and-set,
 * and the revisions that the store gave out are the order in which all of it must have happened.
 */

/** When something began and was answered: numbers counted up by whoever records, no times. */
interface Interval {
  readonly began: number;
  readonly ended: number;
}

export interface Write extends Interval {
  readonly kind: 'write';
  readonly key: string;
  /** Written once only, so that a value tells its write. */
  readonly value: string;
  /** The revision that it was to replace; 0 where it was to create. */
  readonly base: bigint;
  /** The revision it got; or that it was refused; or that nobody answered. */
  readonly outcome: bigint | 'refused' | 'unknown';
}

/** Of the newest state, as it is without a resourceVersion. */
export interface Read extends Interval {
  readonly kind: 'read';
  readonly key: string;
  /** 0 where there was nothing. */
  readonly revision: bigint;
  readonly value: string;
}

export interface Told {
  readonly revision: bigint;
  readonly key: string;
  readonly value: string;
}

/** What one watch told, over all its resumptions, in the order in which it told it. */
export interface Watched {
  readonly name: string;
  readonly since: bigint;
  /** By number of the connection: writes may share a revision, and who goes on from it is told most of them again. */
  readonly told: readonly (Told & { readonly connection: number })[];
}

export interface History {
  readonly operations: readonly (Write | Read)[];
  readonly watches: readonly Watched[];
}

type Version = Omit<Told, 'key'>;
type Chains = ReadonlyMap<string, readonly Version[]>;

/** What was wrong, in words; nothing if the history is one of a single register per key. */
export function faultsOf(history: History): readonly string[] {
  const { operations, watches } = history;
  const writes = operations.filter((each): each is Write => each.kind === 'write');
  const reads = operations.filter((each): each is Read => each.kind === 'read');
  const { chains, faults } = chainsOf(writes, reads, watches);
  return [
    ...faults,
    ...originFaults(chains, writes),
    ...writes.flatMap((write) => writeFaults(write, chains.get(write.key) ?? [])),
    ...realTimeFaults(operations),
    ...writeOrderFaults(writes),
    ...watches.flatMap((watch) => watchFaults(watch, chains)),
  ];
}

/** Every version of each key that anybody saw, in order; all must have seen the same in it. */
function chainsOf(
  writes: readonly Write[],
  reads: readonly Read[],
  watches: readonly Watched[],
): { readonly chains: Chains; readonly faults: readonly string[] } {
  const seen: Told[] = [...reads.filter(({ revision }) => revision > 0n)];
  for (const { told } of watches) seen.push(...told);
  for (const { key, value, outcome } of writes) {
    if (typeof outcome === 'bigint') seen.push({ key, value, revision: outcome });
  }
  const faults: string[] = [];
  const known = new Map<string, Told>();
  for (const each of seen) {
    const first = known.get(placeOf(each)) ?? each;
    known.set(placeOf(each), first);
    if (first.value === each.value) continue;
    const both = `${first.key}=${first.value} and ${each.key}=${each.value}`;
    faults.push(`revision ${each.revision} is both ${both}`);
  }
  const chains = new Map<string, Version[]>();
  for (const each of [...known.values()].sort(byOrder)) {
    chains.set(each.key, [...(chains.get(each.key) ?? []), each]);
  }
  return { chains, faults };
}

/** A value comes from a write that was not refused, and is stored once. */
function originFaults(chains: Chains, writes: readonly Write[]): readonly string[] {
  const writeOf = new Map(writes.map((write) => [`${write.key}=${write.value}`, write]));
  const faults: string[] = [];
  for (const [key, versions] of chains) {
    const stored = new Set<string>();
    for (const { value, revision } of versions) {
      const what = `${key}=${value} at ${revision}`;
      const outcome = writeOf.get(`${key}=${value}`)?.outcome;
      if (outcome === undefined) faults.push(`nobody wrote ${what}`);
      if (outcome === 'refused') faults.push(`refused, and yet stored: ${what}`);
      if (stored.has(value)) faults.push(`stored a second time: ${what}`);
      stored.add(value);
    }
  }
  return faults;
}

/** A write follows what it was to replace at once; it is refused only where something else does. */
function writeFaults(write: Write, chain: readonly Version[]): readonly string[] {
  const { key, value, base, outcome } = write;
  const next = chain.find(({ revision }) => revision > base);
  if (outcome === 'refused') {
    return next === undefined ? [`refused without a reason: ${key}=${value} over ${base}`] : [];
  }
  // Of one that nobody answered, the others tell whether it was done.
  const revision = chain.find((version) => version.value === value)?.revision;
  if (revision === undefined || next?.revision === revision) return [];
  return [`lost update: ${key}=${value} over ${base} got ${revision}, after ${next?.revision}`];
}

/** What begins after an answer knows of what the answer told. */
function realTimeFaults(operations: readonly (Write | Read)[]): readonly string[] {
  const byKey = new Map<string, (Write | Read)[]>();
  for (const each of operations) {
    if (revisionOf(each) === undefined) continue;
    byKey.set(each.key, [...(byKey.get(each.key) ?? []), each]);
  }
  return [...byKey].flatMap(([key, known]) =>
    overtaken(known).map(
      ([earlier, later]) =>
        `stale: ${later.kind} of ${key} at ${revisionOf(later)}, ${earlier} known`,
    ),
  );
}

/** One store counts all its writes: over every key, a later write has the greater revision. */
function writeOrderFaults(writes: readonly Write[]): readonly string[] {
  return overtaken(writes.filter(({ outcome }) => typeof outcome === 'bigint')).map(
    ([earlier, later]) => `out of order: ${later.key}=${later.value} came after ${earlier}`,
  );
}

/** Whatever began after an answer that told a later revision than its own; a write needs a new one. */
function overtaken<T extends Write | Read>(operations: readonly T[]): (readonly [bigint, T])[] {
  const begins = [...operations].sort((a, b) => a.began - b.began);
  const ends = [...operations].sort((a, b) => a.ended - b.ended);
  const found: (readonly [bigint, T])[] = [];
  let known = 0n;
  let at = 0;
  for (const each of begins) {
    for (let end = ends[at]; end !== undefined && end.ended < each.began; end = ends[at]) {
      const told = revisionOf(end) ?? 0n;
      if (told > known) known = told;
      at += 1;
    }
    const own = revisionOf(each) ?? 0n;
    if (own < known || (each.kind === 'write' && own === known)) found.push([known, each]);
  }
  return found;
}

/** Told in order, once on each connection, and without a gap up to the last that was told. */
function watchFaults({ name, since, told }: Watched, chains: Chains): readonly string[] {
  const faults: string[] = [];
  let last = since;
  const onConnections = new Set<string>();
  for (const each of told) {
    const { revision, key, connection } = each;
    const place = `${connection} ${placeOf(each)}`;
    if (onConnections.has(place)) faults.push(`${name} told ${key} at ${revision} twice`);
    else if (revision < last) faults.push(`${name} told ${key} at ${revision} after ${last}`);
    onConnections.add(place);
    if (revision > last) last = revision;
  }
  const heard = new Set(told.map(placeOf));
  for (const [key, versions] of chains) {
    const missing = versions.filter(
      ({ revision }) =>
        revision > since && revision <= last && !heard.has(placeOf({ key, revision })),
    );
    for (const { revision } of missing) faults.push(`${name} did not tell ${key} at ${revision}`);
  }
  return faults;
}

function revisionOf(operation: Write | Read): bigint | undefined {
  if (operation.kind === 'read') return operation.revision;
  return typeof operation.outcome === 'bigint' ? operation.outcome : undefined;
}

/** Writes may share a revision; of one key there is one write in each. */
function placeOf({ key, revision }: Pick<Told, 'key' | 'revision'>): string {
  return `${revision} ${key}`;
}

function byOrder(a: Told, b: Told): number {
  return a.revision < b.revision ? -1 : 1;
}
