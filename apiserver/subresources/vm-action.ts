/** POST `/vms/<name>/reboot` and the like: done by the machine's node, which knows its state. */
import { asString, at } from '../../api/json.ts';
import { badRequest, notFound, StatusError } from '../../api/status.ts';
import { machineRequests, refusalOf } from '../../api/vm-states.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import { respondJson } from '../verbs/respond.ts';
import { agentError, ask, type NodeProxyDeps, targetOf } from './node-proxy.ts';

/** How long a node may work on it. */
const timeoutMs = 600_000;
const answerMaxBytes = 1 << 16;
const snapshots = { group: 'berth.dev', plural: 'vmsnapshots' };

export function isVmAction({ group, resource, subresource }: RequestContext['info']): boolean {
  const isVm = group === 'berth.dev' && resource === 'vms';
  return isVm && machineRequests.some((each) => each === subresource);
}

export async function vmAction(deps: NodeProxyDeps, context: RequestContext): Promise<ApiResponse> {
  const { info, request } = context;
  const asked = machineRequests.find((each) => each === info.subresource) ?? 'reboot';
  const target = await targetOf(deps, context, 'machines');
  if (target === undefined) {
    const verb = asked === 'unsnapshot' ? 'snapshot' : asked;
    throw new StatusError(409, 'Conflict', refusalOf(verb, 'absent') ?? '');
  }
  const url = new URL(target.path, 'https://node');
  url.pathname += `/${asked}`;
  if (asked === 'restore') url.searchParams.set('snapshot', await snapshotUid(deps, context));
  const path = `${url.pathname}${url.search}`;
  const options = { method: 'POST', timeoutMs };
  const answer = await ask(deps, { ...target, path }, request.signal, options);
  if (answer.statusCode !== 200) throw await agentError(answer, answer.statusCode ?? 502);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > answerMaxBytes) throw new StatusError(502, 'InternalError', 'too long an answer');
  }
  // The agent answers with a Status.
  return respondJson(200, JSON.parse(Buffer.concat(chunks).toString('utf8')));
}

/** Of the VMSnapshot that `?snapshot=<name>` names, which must be one of this machine. */
async function snapshotUid(
  deps: NodeProxyDeps,
  { info, request }: RequestContext,
): Promise<string> {
  const name = request.query.get('snapshot') ?? '';
  if (name === '') throw badRequest('snapshot: Required value: name a VMSnapshot');
  const key = { namespace: info.namespace, name };
  const found = await deps.objects.get(snapshots, key, request.signal);
  if (found === undefined) throw notFound({ group: 'berth.dev', resource: 'vmsnapshots' }, name);
  const { object } = found;
  const of = asString(at(object, 'spec', 'vm'));
  if (of !== info.name) throw badRequest(`vmsnapshot "${name}" is one of vm "${of}"`);
  if (at(object, 'status', 'readyToUse') !== true) {
    const why = asString(at(object, 'status', 'message'));
    const words = `vmsnapshot "${name}" has not been taken yet`;
    throw new StatusError(409, 'Conflict', why === '' ? words : `${words}: ${why}`);
  }
  return asString(at(object, 'metadata', 'uid'));
}
