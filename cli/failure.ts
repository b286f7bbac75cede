/** What a command says when it cannot do what it was asked. */

/** Exit codes of `berth`; `exec` passes on the code of the process it ran. */
export const exitCode = { ok: 0, failure: 1, usage: 2, down: 3 } as const;

/** An expected failure: one sentence with the remedy, shown without a stack trace. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? exitCode.failure;
  }
}

/** A command line that makes no sense. */
export function usage(message: string): Failure {
  return new Failure(message, { exitCode: exitCode.usage });
}

/** One sentence for any error; the system's own codes get plain words. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException; // Errors of the system carry both.
  if (code === 'EACCES' || code === 'EPERM') {
    return `no permission for ${path ?? 'this'}: run it as root, or choose another --data-dir`;
  }
  if (code === 'ENOENT' && path !== undefined) return `${path} does not exist`;
  if (code === 'ENOSPC') return 'the disk is full: free some space and try again';
  return error.message;
}

/** The `code` of a system error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
