/** `POST /machines/<namespace>/<name>/<request>`: what is done to a virtual machine once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAbsolute, join } from 'node:path';
import { badRequest, notFound, StatusError } from '../../api/status.ts';
import { type MachineRequest, machineRequests } from '../../api/vm-states.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { MachineControl } from '../../runtime/machine.ts';
import { statusOfRuntime } from './runtime-status.ts';
import type { Locate } from './target.ts';

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

export async function serveMachine(
  { locate, machinesDir }: { readonly locate: Locate; readonly machinesDir: string },
  request: IncomingMessage,
  { pathname, searchParams }: URL,
  response: ServerResponse,
): Promise<void> {
  const [, , namespace = '', name = '', word, ...more] = pathname
    .split('/')
    .map(decodeURIComponent);
  const asked = machineRequests.find((each) => each === word);
  if (asked === undefined || more.length > 0 || request.method !== 'POST') {
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
  }
  const located = locate('vms', namespace, name);
  if (located === undefined) throw notFound({ group: 'berth.dev', resource: 'vms' }, name);
  const { runtime, id } = located;
  if (runtime.machines === undefined) throw badRequest(`vm ${name} runs on no hypervisor`);
  // Who asked may go: what was begun is done.
  const { signal } = new AbortController();
  const what = { id, query: searchParams, imagesDir: join(machinesDir, 'images') };
  let body: object | undefined;
  try {
    body = await carryOut(runtime.machines, asked, what, { signal });
  } catch (error) {
    throw statusOfRuntime(error);
  }
  const answer = { ...success, ...body };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

async function carryOut(
  machines: MachineControl,
  asked: MachineRequest,
  { id, query, imagesDir }: { id: string; query: URLSearchParams; imagesDir: string },
  options: CallOptions,
): Promise<object | undefined> {
  const snapshot = () => {
    const name = query.get('snapshot') ?? '';
    if (name === '') throw badRequest('snapshot: Required value: say which one');
    return name;
  };
  switch (asked) {
    case 'snapshot':
      return { snapshot: await machines.snapshot(id, snapshot(), options) };
    case 'unsnapshot':
      await machines.removeSnapshot(id, snapshot(), options);
      return undefined;
    case 'restore':
      await machines.restore(id, snapshot(), options);
      return undefined;
    case 'capture': {
      const path = captureTarget(query.get('to') ?? '', imagesDir);
      const disk = query.get('disk');
      await machines.capture(id, disk === null ? { path } : { path, disk }, options);
      return { path };
    }
    default:
      await machines.act(id, asked, options);
      return undefined;
  }
}

/** A path as it is; a name among the images of the node. */
function captureTarget(to: string, imagesDir: string): string {
  if (isAbsolute(to)) return to;
  if (/^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$/.test(to)) return join(imagesDir, `${to}.qcow2`);
  throw badRequest(`to: Invalid value: "${to}": a path on the node, or a name of an image`);
}
