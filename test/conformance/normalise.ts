/** Answers without what may differ between two servers: times, names of this run, versions of lists. */
import { isObject, type Json } from './json-path.ts';
import type { Step } from './scenario.ts';

/** What normalising must know of the run, and what it remembers between steps. */
export interface Seen {
  readonly run: string;
  readonly serverUrl: string;
  /** Of the temporary folder that kubectl works in. */
  readonly directory: string | undefined;
  maxRevision: bigint;
  pageRevision: string | undefined;
  managedFields: boolean;
  continued: boolean;
}

const dayMs = 86_400_000;
const timePattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;

export function plainString(text: string, seen: Seen): string {
  const { run, serverUrl, directory } = seen;
  let plain = text
    .replaceAll(run, '<run>')
    .replaceAll(run.slice(0, 1).toUpperCase() + run.slice(1), '<Run>')
    .replaceAll(serverUrl, '<server>')
    .replaceAll(new URL(serverUrl).host, '<host>');
  if (directory !== undefined) plain = plain.replaceAll(directory, '<tmp>');
  return plain
    .replace(timePattern, (time, fraction) => {
      if (Math.abs(Date.parse(time) - Date.now()) > 2 * dayMs) return time;
      return fraction === undefined ? '<time>' : '<microtime>';
    })
    .replace(/(too old resource version: )\d+ \(\d+\)/, '$1<n> (<n>)')
    .replace(/(Too large resource version: )\d+(, current: )\d+/i, '$1<n>$2<n>')
    .replace(
      /(ResourceVersion in precondition: )\d+(, ResourceVersion in object meta: )\d+/,
      '$1<n>$2<n>',
    )
    .replace(
      /(the ResourceVersion in the precondition \()\d+(\) does not match the ResourceVersion in record \()\d+/,
      '$1<n>$2<n>',
    );
}

export function plainBody(value: Json, seen: Seen): Json {
  return plain(value, seen, isList(value));
}

function plain(value: Json, seen: Seen, inList = false): Json {
  if (typeof value === 'string') return plainString(value, seen);
  if (Array.isArray(value)) return value.map((each) => plain(each, seen));
  if (!isObject(value)) return value;
  const out: Record<string, Json> = {};
  for (const [key, each] of Object.entries(value)) {
    if (key === 'managedFields') {
      if (seen.managedFields) out[key] = sortedManagers(plain(each, seen));
    } else if (key === 'storageVersionHash') {
      // It hangs on the group's name, which is this run's.
      out[key] = '<hash>';
    } else {
      const meta = key === 'metadata' && inList;
      out[plainString(key, seen)] = meta ? listMeta(each, seen) : plain(each, seen);
    }
  }
  return out;
}

/** Servers sort by whole seconds: here they are in a fixed order. */
function sortedManagers(entries: Json): Json {
  if (!Array.isArray(entries)) return entries;
  const key = (entry: Json) =>
    [entry?.manager, entry?.operation, entry?.subresource, entry?.apiVersion].join(' ');
  return entries.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** A list's version moves with other writes: only whether it is as new as all that was seen counts. */
function listMeta(meta: Json, seen: Seen): Json {
  const out = plain(meta, seen);
  if (!isObject(meta)) return out;
  const revision = meta['resourceVersion'];
  if (/^\d+$/.test(revision ?? '')) {
    const same = seen.continued && revision === seen.pageRevision;
    const current = BigInt(revision) >= seen.maxRevision ? 'current' : 'older';
    out.resourceVersion = `<list-rv:${same ? 'same-page-set' : current}>`;
    seen.pageRevision = revision;
  }
  if (meta['continue']) out.continue = '<continue>';
  return out;
}

function isList(value: Json): boolean {
  if (!isObject(value)) return false;
  if (Array.isArray(value['items']) || Array.isArray(value['rows'])) return true;
  return /List$|^Table$/.test(value['kind'] ?? '');
}

/** Remembers the newest version of an object. */
export function noteRevisions(value: Json, seen: Seen): void {
  if (Array.isArray(value)) for (const each of value) noteRevisions(each, seen);
  if (!isObject(value)) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === 'resourceVersion' && /^\d+$/.test(each)) {
      if (BigInt(each) > seen.maxRevision) seen.maxRevision = BigInt(each);
    } else if (key !== 'metadata' || !isList(value)) noteRevisions(each, seen);
  }
}

const agePattern = /^(?:\d+y)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?$/;
const datePattern = /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g;

/** What kubectl printed, as lines: ages, dates and widths of columns are made alike. */
export function plainLines(text: string, seen: Seen, step: Step): string[] {
  const lines = plainString(text, seen)
    .split('\n')
    .map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  const made = lines.map((line) => {
    const even = line
      .replace(datePattern, '<date>')
      .replace(/(?<=\s|^)(\d[\dydhms]*[smhdy])(?=\s|\)|$)/g, (word) =>
        agePattern.test(word) ? '<age>' : word,
      )
      .replace(/^[EWI]\d{4} [\d:.]+ +\d+ /, '<klog> ');
    return step.layout === true ? even : even.replace(/(\S) {2,}/g, '$1  ');
  });
  return step.sortLines === true ? made.sort() : made;
}
