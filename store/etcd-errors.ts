import { GrpcError, grpcCodes } from './grpc.ts';
import { StoreError } from './store.ts';

/** What became of a failed call, told from etcd's words in this one place. */
export interface EtcdFailure {
  readonly error: StoreError;
  /** The request certainly had no effect, so even a write may be sent again. */
  readonly isUntouched: boolean;
  /** Another attempt, perhaps at another endpoint, may succeed. */
  readonly isPassing: boolean;
}

/** Texts of etcd 3.4 to 3.6 (`api/v3rpc/rpctypes/error.go`), which carry no codes of their own. */
const meanings = [
  { text: 'required revision has been compacted', reason: 'Compacted' },
  { text: 'required revision is a future revision', reason: 'FutureRevision' },
  { text: 'request is too large', reason: 'TooLarge' },
  { text: 'too many operations in txn request', reason: 'TooLarge' },
  { text: 'database space exceeded', reason: 'NoSpace' },
] as const;

/** etcd turned the request away at its door. */
const untouchedText = 'etcdserver: too many requests';

/** A caller's or an administrator's mistake: the same request fails the same way again. */
const lastingTexts = [
  'permission denied',
  'authentication failed',
  'user name is empty',
  'invalid auth token',
  'duplicate key given in txn request',
];

export function classifyEtcdError(cause: unknown, address: string): EtcdFailure {
  const text = cause instanceof Error ? cause.message : String(cause);
  const failed = cause instanceof GrpcError ? cause : undefined;
  const meaning = meanings.find((known) => text.includes(known.text));
  if (meaning !== undefined) {
    const error = new StoreError(meaning.reason, `etcd ${address}: ${text}`, { cause });
    return { error, isUntouched: true, isPassing: false };
  }
  return {
    error: new StoreError('Unavailable', `etcd ${address} did not answer: ${text}`, { cause }),
    isUntouched: failed?.isUntouched === true || text.includes(untouchedText),
    isPassing:
      failed?.code !== grpcCodes.invalidArgument &&
      !lastingTexts.some((known) => text.includes(known)),
  };
}
