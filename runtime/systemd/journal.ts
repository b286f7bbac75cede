/** The lines of one attempt, read from the journal; they outlive the unit and the machine's reboot. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { type LogChunk, type LogOptions, RuntimeError } from '../runtime.ts';

/** How often a log that is followed is asked whether its process has ended. */
const endPollMs = 250;

interface JournalDeps {
  readonly clock: Clock;
  /** As `journalMatches` makes them. */
  readonly matches: readonly string[];
  readonly ended: (options: CallOptions) => Promise<boolean>;
}

/** What journalctl prints for an entry, as far as it is read. */
interface Entry {
  readonly __CURSOR: string;
  readonly __REALTIME_TIMESTAMP: string;
  /** A list of bytes where it is no UTF-8; null where it is too long to be shown. */
  readonly MESSAGE?: string | readonly number[] | null;
  /** Present where the line did not end with a line feed: `eof`, `line-max`, … */
  readonly _LINE_BREAK?: string;
}

export async function* readJournal(
  { clock, matches, ended }: JournalDeps,
  options: LogOptions,
): AsyncGenerator<LogChunk> {
  const { signal, follow, tailLines, sinceMs } = options;
  const since = sinceMs === undefined ? [] : [`--since=@${(sinceMs / 1_000).toFixed(3)}`];
  const tail = tailLines === undefined ? [] : [`--lines=${tailLines}`];
  let cursor: string | undefined;
  const read = async function* (args: readonly string[], until: AbortSignal) {
    for await (const entry of entries([...args, ...matches], until)) {
      cursor = entry.__CURSOR;
      yield toChunk(entry, options.timestamps);
    }
  };
  await flushed(signal);
  if (!follow) {
    if (tailLines !== 0) yield* read([...since, ...tail], signal);
    return;
  }
  // Everything is named from the first line, so that nothing falls between reading and following.
  const stop = new AbortController();
  const watching = untilEnded(clock, ended, signal).then(() => stop.abort());
  watching.catch(() => stop.abort());
  const all = tail.length === 0 ? ['--lines=all'] : tail;
  yield* read(['--follow', ...since, ...all], stop.signal);
  if (signal.aborted) return;
  // What it said last may have come after the journal was asked.
  await flushed(signal);
  const rest = cursor === undefined ? [...since, ...tail] : [`--after-cursor=${cursor}`];
  if (cursor !== undefined || tailLines !== 0) yield* read(rest, signal);
}

async function untilEnded(
  clock: Clock,
  ended: (options: CallOptions) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && !(await ended({ signal }))) await clock.sleep(endPollMs, signal);
}

/** Waits until journald has written what it has received. */
async function flushed(signal: AbortSignal): Promise<void> {
  await journalctl(['--sync'], signal, () => undefined).catch(() => signal.throwIfAborted());
}

async function* entries(args: readonly string[], signal: AbortSignal): AsyncGenerator<Entry> {
  const child = spawn('journalctl', ['--quiet', '--all', '--output=json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const onAbort = () => child.kill('SIGKILL');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const closed = exitOf(child);
  try {
    // The journal's own format.
    for await (const line of wholeLines(child.stdout)) yield JSON.parse(line) as Entry;
    const { code, complaint } = await closed;
    if (code !== 0 && !signal.aborted) {
      throw new RuntimeError('Unavailable', `journalctl failed: ${complaint.trim()}`);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
  }
}

async function journalctl(
  args: readonly string[],
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const child = spawn('journalctl', args, { signal, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = exitOf(child);
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
  const { code, complaint } = await closed;
  if (code !== 0) throw new RuntimeError('Unavailable', `journalctl failed: ${complaint.trim()}`);
}

/** The lines of a process that may be killed while it writes one: what has no end is left out. */
export async function* wholeLines(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream.setEncoding('utf8')) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

const complaintMaxChars = 4_096;

function exitOf(child: ReturnType<typeof spawn>) {
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-complaintMaxChars);
  });
  return new Promise<{ readonly code: number | null; readonly complaint: string }>((resolve) => {
    child.on('error', (error) => resolve({ code: -1, complaint: error.message }));
    child.on('close', (code) => resolve({ code, complaint }));
  });
}

function toChunk(entry: Entry, timestamps: boolean): LogChunk {
  const { MESSAGE: message, _LINE_BREAK: broken } = entry;
  const body = typeof message === 'string' ? Buffer.from(message) : Buffer.from(message ?? []);
  const stamp = timestamps ? `${stampOf(entry)} ` : '';
  const end = broken === undefined || broken === 'nul' ? '\n' : '';
  // The journal does not tell the two streams of a unit apart.
  return { stream: 'stdout', data: Buffer.concat([Buffer.from(stamp), body, Buffer.from(end)]) };
}

/** RFC 3339 with microseconds. */
function stampOf({ __REALTIME_TIMESTAMP: micros }: Entry): string {
  const whole = new Date(Number(BigInt(micros) / 1_000n)).toISOString().slice(0, -1);
  return `${whole}${(BigInt(micros) % 1_000n).toString().padStart(3, '0')}Z`;
}
