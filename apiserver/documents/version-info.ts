/** What `/version` answers. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  /** Semantic version. */
  readonly gitVersion: string;
  readonly [field: string]: string;
}
