/** What an agent answers to `GET /images`, and the server to `GET /api/v1/nodes/<name>/images`. */

export interface NodeImageList {
  readonly items: readonly NodeImage[];
}

export interface NodeImage {
  readonly id: string;
  readonly tags: readonly string[];
  /** Names with digest. */
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** Containers made from it, running or not, of whoever. */
  readonly users: readonly string[];
}
