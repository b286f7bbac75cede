/** What does not fit a shape. */

/** One finding; `path` as in `.spec.ports[port=80]`, empty for the root. */
export interface Finding {
  readonly path: string;
  readonly message: string;
}

/** A value that cannot be merged under its shape; the message is upstream's. */
export class TypedError extends Error {
  override readonly name = 'TypedError';
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    const lines = findings.map(({ path, message }) =>
      path === '' ? message : `${path}: ${message}`,
    );
    super(lines.length === 1 ? lines[0] : ['errors:', ...lines.map((l) => `  ${l}`)].join('\n'));
    this.findings = findings;
  }
}

/** Puts a step in front of each path. */
export function under(step: string, findings: readonly Finding[]): Finding[] {
  return findings.map(({ path, message }) => ({ path: step + path, message }));
}
