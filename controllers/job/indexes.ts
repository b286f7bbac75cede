/** Sets of numbers as text: `0-3,7`. Source: kubernetes pkg/controller/job/indexed_job_utils.go. */

/** Numbers from `count` on do not belong to the job any more and are left out. */
export function parseIndexes(text: string | undefined, count: number): Set<number> {
  const found = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const [first, last = first] = part.split('-');
    if (first === undefined || first === '') continue;
    const end = Math.min(Number(last), count - 1);
    for (let index = Number(first); index <= end; index += 1) found.add(index);
  }
  return found;
}

export function formatIndexes(indexes: ReadonlySet<number>): string {
  const parts: string[] = [];
  const sorted = [...indexes].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length; ) {
    const first = sorted[at] ?? 0;
    let length = 1;
    while (sorted[at + length] === first + length) length += 1;
    parts.push(length === 1 ? String(first) : `${first}-${first + length - 1}`);
    at += length;
  }
  return parts.join(',');
}
