/** `/images`: lists (GET), pulls (POST) and removes (DELETE) images of the node, for an administrator. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NodeImageList } from '../../api/node-images.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { statusOfRuntime } from './runtime-status.ts';

export async function serveImages(
  runtime: Runtime,
  request: IncomingMessage,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const { signal } = stop;
  if (request.method === 'GET') {
    const { images } = await runtime.listImages({ signal });
    answer(response, { items: images } satisfies NodeImageList);
    return;
  }
  const image = query.get('image') ?? '';
  if (image === '') throw badRequest('image: Required value: name one, as in ?image=nginx:1.29');
  switch (request.method) {
    case 'POST':
      await pull(runtime, image, response, signal);
      return;
    case 'DELETE':
      await remove(runtime, image, signal);
      answer(response, success);
      return;
    default:
      throw new StatusError(405, 'MethodNotAllowed', 'images are listed, pulled and removed');
  }
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

/** The head of the answer goes at once, since a pull may take minutes; a failure comes in the body. */
async function pull(
  runtime: Runtime,
  image: string,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  try {
    await runtime.ensureImage(image, 'Always', { signal });
    response.end(JSON.stringify(success));
  } catch (error) {
    response.end(JSON.stringify(statusOfRuntime(error).toStatus()));
  }
}

async function remove(runtime: Runtime, image: string, signal: AbortSignal): Promise<void> {
  if ((await runtime.imageInfo(image, { signal })) === undefined)
    throw new StatusError(404, 'NotFound', `image "${image}" is not on this node`);
  try {
    await runtime.removeImage(image, { signal });
  } catch (error) {
    throw statusOfRuntime(error);
  }
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
