/** What every asynchronous call takes: aborting `signal` ends it as soon as it safely can. */
export interface CallOptions {
  readonly signal: AbortSignal;
}
