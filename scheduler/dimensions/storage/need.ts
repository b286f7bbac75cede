/** What Volumes without a place ask of a node's disks, and what one that has its place takes. Plain data. */
import { asString, isObject } from '../../../api/json.ts';
import type { JsonValue } from '../../../api/meta.ts';
import type { DiskRates } from '../../engine/request.ts';

/** One Volume; rates that are 0 are not asked for. */
export type VolumeNeed = DiskRates & {
  readonly name: string;
  readonly class: string;
  /** Bytes. */
  readonly size: number;
  /** A disk that nothing else lies on, and nothing else comes to. */
  readonly exclusive: boolean;
  /** Uid of the deleted Volume whose data it takes up: only where these are. */
  readonly retained?: string;
};

/** So much of one disk. */
export type VolumePiece = DiskRates & {
  readonly name: string;
  readonly disk: string;
  readonly size: number;
  readonly exclusive: boolean;
  readonly retained?: string;
};

/** In the order of the needs. */
export type VolumePieces = readonly VolumePiece[];

export const rateNames = ['readIops', 'writeIops', 'readBps', 'writeBps'] as const;

/** `need` on `disk`. */
export function pieceOn(disk: string, { class: _, ...need }: VolumeNeed): VolumePiece {
  return { disk, ...need };
}

/** Undefined for what is no list of pieces. */
export function piecesOf(stored: JsonValue): VolumePieces | undefined {
  if (!Array.isArray(stored)) return undefined;
  return stored.every(isPiece) ? stored : undefined;
}

function isPiece(value: JsonValue): value is VolumePiece {
  if (!isObject(value)) return false;
  return (
    asString(value['disk']) !== '' &&
    typeof value['name'] === 'string' &&
    typeof value['exclusive'] === 'boolean' &&
    ['size', ...rateNames].every((field) => typeof value[field] === 'number')
  );
}
