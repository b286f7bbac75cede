/** POST to a collection. */
import { type StatusDetails, StatusError } from '../../api/status.ts';
import type { ApiResponse } from '../request/request.ts';
import { settleNamespace, shaped } from './admit.ts';
import { decodeObject } from './body.ts';
import { commitCreate } from './commit-create.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { writeParameters } from './options.ts';
import { respondObject } from './respond.ts';

export async function create(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  // A custom object may be created at its own path, as upstream's does.
  if (info.name !== '' && kind.builtin) throw methodNotAllowed();
  const parameters = writeParameters(request, 'CreateOptions');
  const bytes = await request.request.body();
  const body = decodeObject(bytes, request.request.headers['content-type'], kind);
  settleNamespace(body.object, request);
  const object = shaped(request, body, parameters.fieldValidation);
  const stored = await commitCreate(deps, request, object, parameters);
  return respondObject(deps, request, stored, 201);
}

export function methodNotAllowed(details: StatusDetails = {}): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    details,
  );
}
