/** `POST /machines/<namespace>/<name>/<action>`: what is done to a virtual machine once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { notFound, StatusError } from '../../api/status.ts';
import { machineActions } from '../../api/vm-states.ts';
import { statusOfRuntime } from './runtime-status.ts';
import type { NodeServerOptions } from './server.ts';

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

export async function serveMachine(
  { locate }: Pick<NodeServerOptions, 'locate'>,
  request: IncomingMessage,
  pathname: string,
  response: ServerResponse,
): Promise<void> {
  const [, , namespace = '', name = '', word, ...more] = pathname
    .split('/')
    .map(decodeURIComponent);
  const action = machineActions.find((each) => each === word);
  if (action === undefined || more.length > 0 || request.method !== 'POST') {
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
  }
  const located = locate('vms', namespace, name);
  if (located === undefined) throw notFound({ group: 'berth.dev', resource: 'vms' }, name);
  const { runtime, id } = located;
  // Who asked may go: what was begun is done.
  const { signal } = new AbortController();
  try {
    await runtime.machines?.act(id, action, { signal });
  } catch (error) {
    throw statusOfRuntime(error);
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(success));
}
