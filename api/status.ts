/** Errors as Kubernetes words them: the `Status` object, and the exception that carries one. */

export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout'
  /** The store is full: nothing can be written until there is space again. Berth's own. */
  | 'InsufficientStorage'
  | 'NamespaceTerminating';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: StatusReason | '';
  readonly details?: StatusDetails;
  readonly code: number;
}

/** What the API answers with, and what the client throws. Callers look at `reason`, never at the message. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly reason: StatusReason | '';
  readonly details: StatusDetails | undefined;

  constructor(
    code: number,
    reason: StatusReason | '',
    message: string,
    details?: StatusDetails,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The body that goes over the wire. */
  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** Whether `error` is a `StatusError` of that reason. */
export function hasReason(error: unknown, ...reasons: readonly StatusReason[]): boolean {
  return error instanceof StatusError && reasons.some((reason) => reason === error.reason);
}

/** `details.kind` is the plural resource for these errors, as upstream has it. */
export interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

/** `widgets.example.com`, or `pods` for the core group. */
export function qualified({ group, resource }: ResourceName): string {
  return group === '' ? resource : `${resource}.${group}`;
}

function details(what: ResourceName, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(what.group === '' ? {} : { group: what.group }),
    ...(what.resource === '' ? {} : { kind: what.resource }),
  };
}

export function notFound(what: ResourceName, name: string): StatusError {
  return new StatusError(
    404,
    'NotFound',
    `${qualified(what)} "${name}" not found`,
    details(what, name),
  );
}

export function alreadyExists(what: ResourceName, name: string): StatusError {
  return new StatusError(
    409,
    'AlreadyExists',
    `${qualified(what)} "${name}" already exists`,
    details(what, name),
  );
}

export function conflict(what: ResourceName, name: string, why: string): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(what)} "${name}": ${why}`,
    details(what, name),
  );
}

/** The `why` of a stale resourceVersion, word for word as upstream's, because clients match on it. */
export const staleObject =
  'the object has been modified; please apply your changes to the latest version and try again';

export function forbidden(what: ResourceName, name: string, why: string): StatusError {
  const subject = name === '' ? qualified(what) : `${qualified(what)} "${name}"`;
  return new StatusError(403, 'Forbidden', `${subject} is forbidden: ${why}`, details(what, name));
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

/** A field that failed validation, in upstream's words. */
export interface FieldError {
  /** `spec.containers[0].name`. */
  readonly field: string;
  readonly type:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotFound'
    | 'FieldValueNotSupported'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid';
  /** The whole message without the field: `Invalid value: -1: must be greater than or equal to 0`. */
  readonly message: string;
}

/** 422 with one cause per field. `kind` is the Kind here, not the plural. */
export function invalid(
  what: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  // Checked in two places, an error may come twice; its text is said once.
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const kind = what.group === '' ? what.kind : `${what.kind}.${what.group}`;
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    ...details({ group: what.group, resource: what.kind }, name),
    causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })),
  });
}
