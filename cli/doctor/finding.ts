/** What a check of `berth doctor` finds. */
export interface Finding {
  /**
   * `missing` = `berth up` needs it; `optional` = something is left out without it; `broken` = the
   * running plane needs help.
   */
  readonly state: 'ok' | 'missing' | 'optional' | 'broken';
  readonly name: string;
  readonly found: string;
  /** What is left out. */
  readonly without?: string;
  readonly remedy?: string;
}
