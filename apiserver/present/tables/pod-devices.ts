/** What an instance was given of its node, beyond amounts, in a few words: `cores 2,3:50 numa 0; gpu 1`. */
import type { JsonValue } from '../../../api/meta.ts';
import { type JsonRecord, record, text } from '../json-record.ts';

/** A dimension of a user's own has any JSON as its piece: more of it is not shown. */
const pieceMax = 40;

/** Not told of here: a port stands in the pod itself, a disk in its Volume. */
const untold = new Set(['hostPorts', 'disks']);

/** Empty where nothing was given, or it cannot be read. */
export function devicesOf(object: JsonRecord): string {
  const written = text(record(record(object['metadata'])['annotations'])['berth.dev/allocation']);
  if (written === '') return '';
  let allocation: JsonRecord;
  try {
    allocation = record(JSON.parse(written));
  } catch {
    return '';
  }
  return Object.entries(allocation)
    .flatMap(([dimension, piece]) => wordsOf(dimension, piece) || [])
    .join('; ');
}

function wordsOf(dimension: string, piece: JsonValue | undefined): string {
  if (untold.has(dimension)) return '';
  if (dimension === 'cpuBound') return coreWords(record(piece));
  if (dimension === 'gpu') return gpuWords(record(piece));
  const words = JSON.stringify(piece) ?? '';
  return `${dimension} ${words.length > pieceMax ? `${words.slice(0, pieceMax)}…` : words}`;
}

/** Hundredths of a core where it is not a whole one. */
function coreWords({ cores, numaNode }: JsonRecord): string {
  const list = Object.entries(record(cores)).map(([core, pieces]) =>
    pieces === 100 ? core : `${core}:${pieces}`,
  );
  if (list.length === 0) return '';
  const numa = numaNode === undefined ? '' : ` numa ${numaNode}`;
  return `cores ${list.join(',')}${numa}`;
}

/** Thousandths of a device where it is not a whole one. */
function gpuWords({ devices, milli }: JsonRecord): string {
  if (!Array.isArray(devices) || devices.length === 0) return '';
  return `gpu ${devices.join(',')}${milli === 1000 ? '' : `:${milli}m`}`;
}
