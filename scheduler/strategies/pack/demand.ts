/** What is expected to be asked for: how Pack knows which remainders of a node will be of use. */

/** Requests that are alike. */
export interface DemandKind {
  /** Thousandths of a core. */
  readonly cpu: number;
  /** How many GPUs; 0 for none. */
  readonly devices: number;
  /** Of each, in thousandths. */
  readonly milli: number;
  /** Models that will do; empty: any. */
  readonly models: readonly string[];
  /** How many of all requests are of this kind: 0 to 1. */
  readonly frequency: number;
}

/** Where nothing is known of the requests to come: shares and powers of two, the small more often than the large. */
export const commonDemand: readonly DemandKind[] = [
  { cpu: 0, devices: 1, milli: 250, models: [], frequency: 0.2 },
  { cpu: 0, devices: 1, milli: 500, models: [], frequency: 0.2 },
  { cpu: 0, devices: 1, milli: 1000, models: [], frequency: 0.4 },
  { cpu: 0, devices: 2, milli: 1000, models: [], frequency: 0.1 },
  { cpu: 0, devices: 4, milli: 1000, models: [], frequency: 0.05 },
  { cpu: 0, devices: 8, milli: 1000, models: [], frequency: 0.05 },
];
