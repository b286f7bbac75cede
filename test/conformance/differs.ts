/**
 * Steps that Berth answers otherwise than kube-apiserver, on purpose. `docs/kubernetes-compatibility.md` says so
 * to users. Whoever is on the list and does not differ fails, so that the list stays true.
 */
import { readFileSync } from 'node:fs';

export interface Deviation {
  readonly scenario: string;
  /** The step's name. */
  readonly step: string;
  readonly reason: string;
}

export function readDeviations(path: URL): readonly Deviation[] {
  // Written by hand, and tried by every run.
  return JSON.parse(readFileSync(path, 'utf8')) as Deviation[];
}

/** What is listed, and of that what has been met. */
export class Deviations {
  readonly #listed: ReadonlyMap<string, Deviation>;
  readonly #met: Deviation[] = [];

  constructor(listed: readonly Deviation[]) {
    this.#listed = new Map(listed.map((each) => [keyOf(each.scenario, each.step), each]));
  }

  reasonOf(scenario: string, step: string): string | undefined {
    return this.#listed.get(keyOf(scenario, step))?.reason;
  }

  /** To be called for a listed step that did differ. */
  met(scenario: string, step: string): void {
    const found = this.#listed.get(keyOf(scenario, step));
    if (found !== undefined) this.#met.push(found);
  }

  /** `K differ on purpose` and a line for each; none when there are none. */
  lines(): string[] {
    if (this.#met.length === 0) return [];
    const shown = this.#met.map(
      ({ scenario, step, reason }) => `  ${scenario}, ${step}: ${reason}`,
    );
    return [`${this.#met.length} differ on purpose`, ...shown.sort()];
  }
}

function keyOf(scenario: string, step: string): string {
  return `${scenario}\n${step}`;
}
