/**
 * The calls of etcd that the store makes, and their messages as far as it needs them.
 * Source: etcd 3.4 and newer, api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto.
 */
import type { ProtobufReader } from '../lib/protobuf-reader.ts';
import type { ProtobufWriter } from '../lib/protobuf-writer.ts';
import type { Revision } from './store.ts';

/** One call of gRPC's: how its request is written, and its answer read. */
export interface Method<Request, Answer> {
  readonly path: string;
  write(writer: ProtobufWriter, request: Request): void;
  read(reader: ProtobufReader): Answer;
}

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
}

export interface RangeRequest {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  readonly limit?: number;
  readonly revision?: Revision;
  readonly countOnly?: boolean;
}

export interface RangeAnswer {
  readonly revision: Revision;
  readonly kvs: readonly KeyValue[];
  readonly count: number;
}

export interface TxnRequest {
  readonly compare: readonly { readonly key: Uint8Array; readonly modRevision: Revision }[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

export type TxnOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: Uint8Array }
  | { readonly type: 'get'; readonly key: Uint8Array }
  | { readonly type: 'txn'; readonly txn: TxnRequest };

export interface TxnAnswer {
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly responses: readonly TxnResponse[];
}

/** What one operation came to: what a `get` found or a `delete` removed, or the answer of a `txn`. */
export interface TxnResponse {
  readonly kv?: KeyValue;
  readonly txn?: TxnAnswer;
}

export interface WatchRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly startRevision: Revision;
  readonly previous: boolean;
}

export interface WatchAnswer {
  readonly revision: Revision;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: Revision;
  readonly cancelReason: string;
  /** The response goes on in the next one, perhaps in the middle of a revision. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

export interface WatchEvent {
  readonly isDelete: boolean;
  readonly kv: KeyValue;
  readonly previous?: KeyValue;
}

export interface StatusAnswer {
  readonly sizeBytes: number;
  /** 0 where it is not told, before etcd 3.4. */
  readonly inUseBytes: number;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export const range: Method<RangeRequest, RangeAnswer> = {
  path: '/etcdserverpb.KV/Range',
  write: writeRange,
  read: readRange,
};

export const txn: Method<TxnRequest, TxnAnswer> = {
  path: '/etcdserverpb.KV/Txn',
  write: writeTxn,
  read: readTxn,
};

export const compact: Method<Revision, undefined> = {
  path: '/etcdserverpb.KV/Compact',
  write: (writer, revision) => writer.uint(1, revision),
  read: () => undefined,
};

export const watch: Method<WatchRequest, WatchAnswer> = {
  path: '/etcdserverpb.Watch/Watch',
  write: writeWatch,
  read: readWatch,
};

/** Whether etcd has raised the alarm NOSPACE. */
export const isOutOfSpace: Method<undefined, boolean> = {
  path: '/etcdserverpb.Maintenance/Alarm',
  // What is not written is the default: to get all alarms.
  write: () => undefined,
  read: readAlarms,
};

export const status: Method<undefined, StatusAnswer> = {
  path: '/etcdserverpb.Maintenance/Status',
  write: () => undefined,
  read: readStatus,
};

/** Gives a token, which goes with every call. */
export const authenticate: Method<Credentials, string> = {
  path: '/etcdserverpb.Auth/Authenticate',
  write(writer, { username, password }) {
    writer.text(1, username);
    writer.text(2, password);
  },
  read: readToken,
};

function writeRange(writer: ProtobufWriter, request: RangeRequest): void {
  const { key, rangeEnd, limit = 0, revision = 0n, countOnly = false } = request;
  writer.bytes(1, key);
  if (rangeEnd !== undefined) writer.bytes(2, rangeEnd);
  if (limit > 0) writer.uint(3, limit);
  if (revision > 0n) writer.uint(4, revision);
  if (countOnly) writer.uint(9, 1);
}

function writeTxn(writer: ProtobufWriter, { compare, success, failure }: TxnRequest): void {
  const modRevisionTarget = 2;
  for (const { key, modRevision } of compare) {
    // The result that is asked for is EQUAL, the default.
    writer.message(1, () => {
      writer.uint(2, modRevisionTarget);
      writer.bytes(3, key);
      writer.uint(6, modRevision);
    });
  }
  for (const each of success) writer.message(2, () => writeOperation(writer, each));
  for (const each of failure) writer.message(3, () => writeOperation(writer, each));
}

function writeOperation(writer: ProtobufWriter, operation: TxnOperation): void {
  switch (operation.type) {
    case 'get':
      writer.message(1, () => writer.bytes(1, operation.key));
      break;
    case 'put':
      writer.message(2, () => {
        writer.bytes(1, operation.key);
        writer.bytes(2, operation.value);
      });
      break;
    case 'delete':
      writer.message(3, () => {
        writer.bytes(1, operation.key);
        // With what was deleted.
        writer.uint(3, 1);
      });
      break;
    case 'txn':
      writer.message(4, () => writeTxn(writer, operation.txn));
      break;
  }
}

/** With notices of progress, and large revisions in fragments. */
function writeWatch(writer: ProtobufWriter, request: WatchRequest): void {
  writer.message(1, () => {
    writer.bytes(1, request.key);
    writer.bytes(2, request.rangeEnd);
    writer.uint(3, request.startRevision);
    writer.uint(4, 1);
    if (request.previous) writer.uint(6, 1);
    writer.uint(8, 1);
  });
}

function readRange(reader: ProtobufReader): RangeAnswer {
  let revision = 0n;
  const kvs: KeyValue[] = [];
  let count = 0;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) revision = readHeader(reader.message());
    else if (wireType === 2 && field === 2) kvs.push(readKeyValue(reader.message()));
    else if (wireType === 0 && field === 4) count = reader.uint();
    else reader.skip(wireType);
  }
  return { revision, kvs, count };
}

function readTxn(reader: ProtobufReader): TxnAnswer {
  let revision = 0n;
  let succeeded = false;
  const responses: TxnResponse[] = [];
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) revision = readHeader(reader.message());
    else if (wireType === 0 && field === 2) succeeded = reader.uint() !== 0;
    else if (wireType === 2 && field === 3) responses.push(readResponse(reader.message()));
    else reader.skip(wireType);
  }
  return { revision, succeeded, responses };
}

/** Of a put there is nothing to know. */
function readResponse(reader: ProtobufReader): TxnResponse {
  let response: TxnResponse = {};
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) response = first(readRange(reader.message()).kvs);
    else if (wireType === 2 && field === 3) response = first(readDeleted(reader.message()));
    else if (wireType === 2 && field === 4) response = { txn: readTxn(reader.message()) };
    else reader.skip(wireType);
  }
  return response;
}

function first([kv]: readonly KeyValue[]): TxnResponse {
  return kv === undefined ? {} : { kv };
}

function readDeleted(reader: ProtobufReader): readonly KeyValue[] {
  const kvs: KeyValue[] = [];
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 3) kvs.push(readKeyValue(reader.message()));
    else reader.skip(wireType);
  }
  return kvs;
}

function readWatch(reader: ProtobufReader): WatchAnswer {
  let revision = 0n;
  let created = false;
  let canceled = false;
  let compactRevision = 0n;
  let cancelReason = '';
  let fragment = false;
  const events: WatchEvent[] = [];
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) revision = readHeader(reader.message());
    else if (wireType === 0 && field === 3) created = reader.uint() !== 0;
    else if (wireType === 0 && field === 4) canceled = reader.uint() !== 0;
    else if (wireType === 0 && field === 5) compactRevision = reader.int();
    else if (wireType === 2 && field === 6) cancelReason = reader.text();
    else if (wireType === 0 && field === 7) fragment = reader.uint() !== 0;
    else if (wireType === 2 && field === 11) events.push(readEvent(reader.message()));
    else reader.skip(wireType);
  }
  return { revision, created, canceled, compactRevision, cancelReason, fragment, events };
}

function readEvent(reader: ProtobufReader): WatchEvent {
  let isDelete = false;
  let kv = nothing;
  let previous: KeyValue | undefined;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 0 && field === 1) isDelete = reader.uint() !== 0;
    else if (wireType === 2 && field === 2) kv = readKeyValue(reader.message());
    else if (wireType === 2 && field === 3) previous = readKeyValue(reader.message());
    else reader.skip(wireType);
  }
  return { isDelete, kv, ...(previous === undefined ? {} : { previous }) };
}

const nothing: KeyValue = {
  key: new Uint8Array(),
  value: new Uint8Array(),
  modRevision: 0n,
  createRevision: 0n,
};

function readKeyValue(reader: ProtobufReader): KeyValue {
  let { key, value, modRevision, createRevision } = nothing;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) key = reader.bytes();
    else if (wireType === 0 && field === 2) createRevision = reader.int();
    else if (wireType === 0 && field === 3) modRevision = reader.int();
    else if (wireType === 2 && field === 5) value = reader.bytes();
    else reader.skip(wireType);
  }
  return { key, value, modRevision, createRevision };
}

/** The revision, which is all that is wanted of a header. */
function readHeader(reader: ProtobufReader): Revision {
  let revision = 0n;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 0 && field === 3) revision = reader.int();
    else reader.skip(wireType);
  }
  return revision;
}

function readAlarms(reader: ProtobufReader): boolean {
  let isRaised = false;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 2) isRaised = isNoSpace(reader.message()) || isRaised;
    else reader.skip(wireType);
  }
  return isRaised;
}

function isNoSpace(reader: ProtobufReader): boolean {
  const noSpaceAlarm = 1;
  let alarm = 0;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 0 && field === 2) alarm = reader.uint();
    else reader.skip(wireType);
  }
  return alarm === noSpaceAlarm;
}

function readStatus(reader: ProtobufReader): StatusAnswer {
  let sizeBytes = 0;
  let inUseBytes = 0;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 0 && field === 3) sizeBytes = reader.uint();
    else if (wireType === 0 && field === 9) inUseBytes = reader.uint();
    else reader.skip(wireType);
  }
  return { sizeBytes, inUseBytes };
}

function readToken(reader: ProtobufReader): string {
  let token = '';
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 2) token = reader.text();
    else reader.skip(wireType);
  }
  return token;
}
