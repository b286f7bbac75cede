/** Trying again cannot help until the object changes: becomes the condition `Stalled`. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  /** CamelCase, for the condition. */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
