/** `/adoptable?target=docker/web`: what runs without Berth, as the object that would stand for it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AdoptableObject } from '../../api/adoption.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import type { CallOptions } from '../../lib/call.ts';
import { RuntimeError } from '../../runtime/runtime.ts';

export async function serveAdoptable(
  describe: (target: string, options: CallOptions) => Promise<AdoptableObject>,
  request: IncomingMessage,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET') throw new StatusError(405, 'MethodNotAllowed', 'it is only read');
  const target = query.get('target') ?? '';
  if (target === '') throw badRequest('target: Required value: as in ?target=docker/web');
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const found = await describe(target, { signal: stop.signal }).catch((error: unknown) => {
    throw statusOf(error);
  });
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
}

function statusOf(error: unknown): unknown {
  if (!(error instanceof RuntimeError)) return error;
  const { message, reason } = error;
  if (reason === 'NotFound') return new StatusError(404, 'NotFound', message);
  if (reason === 'InvalidSpec') return new StatusError(422, 'Invalid', message);
  return new StatusError(503, 'ServiceUnavailable', message);
}
