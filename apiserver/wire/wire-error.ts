/**
 * A body that cannot be read. The message is Go's, without the place; `offset` counts characters
 * from 0.
 */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly reason: 'Syntax' | 'TooDeep' | 'Forbidden';
  readonly offset: number;

  constructor(
    reason: WireError['reason'],
    message: string,
    offset: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
    this.offset = offset;
  }
}
