/** What flows through the pipeline: one request and its answer, free of any HTTP library. */
import type { RequestInfo } from './request-info.ts';

/** Who asks. `groups` contains `system:authenticated` or `system:unauthenticated`. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ApiRequest {
  readonly method: string;
  /** Decoded path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; repeated headers are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address it came from; absent for requests from within the process. */
  readonly source?: string;
  /** Reads the whole body; throws 413 beyond the limit. Empty when there is none. */
  body(): Promise<Uint8Array>;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

/** The request once it is known who asks for what. */
export interface RequestContext {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  /** Texts for the `Warning` header; stages append. */
  readonly warnings: string[];
  /** Adds to what the audit log says of the request; the first value of a key stays. */
  annotate(key: string, value: string): void;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Streams are flushed chunk by chunk; whoever stops reading calls `return()`. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  /** Aborts when the reader is too slow to be waited for: its connection is broken off. */
  readonly cut?: AbortSignal;
  /** To be called once the answer has been sent, or will not be. */
  readonly done?: () => void;
}
