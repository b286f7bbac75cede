/** How a request reaches an apiserver: over HTTPS, or in the same process. */

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query: `/api/v1/pods?watch=1`. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  /** Names in lower case; repeated headers (`warning`) are arrays. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Chunks as they come; a watch never ends by itself. Whoever stops reading early must call `return()`. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Resolves as soon as the response's head is there; rejects only when no response came at all. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;
