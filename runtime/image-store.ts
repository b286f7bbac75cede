/** The images that an engine holds, whoever brought them there. */

export interface StoredImage {
  /** `sha256:…`. */
  readonly id: string;
  readonly tags: readonly string[];
  /** Names with digest, as a registry knows it. */
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** Containers made from it, running or not, also those that are none of Berth's. */
  readonly users: readonly string[];
}

export interface ImageStore {
  /** Where they lie on this machine; absent when that cannot be told. */
  readonly directory?: string;
  readonly images: readonly StoredImage[];
}
