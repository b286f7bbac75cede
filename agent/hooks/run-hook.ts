/** Does what a hook says. Source: Kubernetes "Container Lifecycle Hooks". */
import type { HTTPGetAction, LifecycleHandler } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { runCommand } from '../probes/exec.ts';
import { getOnce, headersOf, urlOf } from '../probes/http.ts';
import { type ContainerTarget, portOf } from '../probes/target.ts';
import { checkTcp } from '../probes/tcp.ts';

const userAgent = 'kube-lifecycle/1.36';

/** Rejects when it fails; has no time limit of its own. */
export async function runHook(
  handler: LifecycleHandler,
  target: ContainerTarget,
  clock: Clock,
  { signal }: CallOptions,
): Promise<void> {
  const { exec, httpGet, tcpSocket, sleep } = handler;
  if (exec !== undefined) {
    const { exitCode } = await runCommand(target, exec.command ?? [], { signal });
    if (exitCode !== 0) throw new Error(`the command exited with ${exitCode}`);
  } else if (httpGet !== undefined) {
    await request(httpGet, target, { signal });
  } else if (tcpSocket !== undefined) {
    const { port, host } = tcpSocket;
    const found = await checkTcp(host || target.address, portNumber(port, target), { signal });
    if (found.type === 'failure') throw new Error(found.message);
  } else if (sleep !== undefined) {
    await clock.sleep(sleep.seconds * 1000, signal);
  } else {
    throw new Error('the hook does not say what to do');
  }
}

/** Any answer will do, as upstream has it: its status is not looked at. */
async function request(
  action: HTTPGetAction,
  target: ContainerTarget,
  { signal }: CallOptions,
): Promise<void> {
  const port = action.port === '' ? 80 : portNumber(action.port, target);
  await getOnce(urlOf(action, port, target.address), headersOf(action, userAgent), { signal });
}

function portNumber(port: number | string, { container }: ContainerTarget): number {
  const found = portOf(port, container);
  if (found === undefined) throw new Error(`couldn't find port: ${port}`);
  return found;
}
