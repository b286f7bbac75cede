/** POST `/vms/<name>/reboot` and the like: done by the machine's node, which knows its state. */
import { StatusError } from '../../api/status.ts';
import { machineActions, refusalOf } from '../../api/vm-states.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import { respondJson } from '../verbs/respond.ts';
import { agentError, ask, type NodeProxyDeps, targetOf } from './node-proxy.ts';

/** How long a node may work on it. */
const timeoutMs = 600_000;

export function isVmAction({ group, resource, subresource }: RequestContext['info']): boolean {
  const isVm = group === 'berth.dev' && resource === 'vms';
  return isVm && machineActions.some((each) => each === subresource);
}

export async function vmAction(deps: NodeProxyDeps, context: RequestContext): Promise<ApiResponse> {
  const { info, request } = context;
  const action = machineActions.find((each) => each === info.subresource) ?? 'reboot';
  const target = await targetOf(deps, context, 'machines');
  if (target === undefined) {
    throw new StatusError(409, 'Conflict', refusalOf(action, 'absent') ?? '');
  }
  const [path = '', query = ''] = target.path.split('?');
  const answer = await ask(
    deps,
    { ...target, path: `${path}/${action}?${query}` },
    request.signal,
    { method: 'POST', timeoutMs },
  );
  if (answer.statusCode !== 200) throw await agentError(answer, answer.statusCode ?? 502);
  answer.resume();
  return respondJson(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' });
}
