/** One check of one probe, within its time. */
import type { Probe } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { runCommand } from './exec.ts';
import { checkGrpc } from './grpc.ts';
import { checkHttp, headersOf, urlOf } from './http.ts';
import type { CheckOutcome } from './outcome.ts';
import { type ContainerTarget, hostPort, portOf } from './target.ts';
import { checkTcp } from './tcp.ts';

const userAgent = 'kube-probe/1.36';

/** Rejects only when `signal` aborts; everything else is an outcome. */
export async function checkProbe(
  probe: Probe,
  target: ContainerTarget,
  clock: Clock,
  { signal }: CallOptions,
): Promise<CheckOutcome> {
  signal.throwIfAborted();
  const plan = planOf(probe, target);
  if (plan.type === 'error') return plan;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  // One controller, taken off afterwards: composed signals would pile up on one that lives for days.
  const within = new AbortController();
  const onAbort = () => within.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let late = false;
  clock.sleep(timeoutMs, within.signal).then(
    () => {
      late = true;
      within.abort(new Error('too late'));
    },
    () => undefined,
  );
  try {
    return await plan.run({ signal: within.signal });
  } catch (error) {
    signal.throwIfAborted();
    if (late) return { type: 'failure', message: plan.lateWords(timeoutMs) };
    return { type: 'error', message: error instanceof Error ? error.message : String(error) };
  } finally {
    signal.removeEventListener('abort', onAbort);
    within.abort();
  }
}

type CheckPlan =
  | {
      readonly type: 'plan';
      readonly run: (options: CallOptions) => Promise<CheckOutcome>;
      readonly lateWords: (timeoutMs: number) => string;
    }
  | { readonly type: 'error'; readonly message: string };

function planOf(probe: Probe, target: ContainerTarget): CheckPlan {
  const { exec, httpGet, tcpSocket, grpc } = probe;
  const { container, address } = target;
  if (exec !== undefined) return execPlan(exec.command ?? [], target);
  const wanted = httpGet?.port ?? tcpSocket?.port ?? grpc?.port;
  if (wanted === undefined) return { type: 'error', message: 'missing probe handler' };
  const port = portOf(wanted, container);
  if (port === undefined) return { type: 'error', message: `couldn't find port: ${wanted}` };
  const host = httpGet?.host || tcpSocket?.host || address;
  if (host === '') return { type: 'error', message: 'the pod has no address' };
  const at = hostPort(host, port);
  if (httpGet !== undefined) {
    let url: URL;
    try {
      url = urlOf(httpGet, port, address);
    } catch {
      return { type: 'error', message: `not a URL: host "${host}", path "${httpGet.path}"` };
    }
    const why = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
    return {
      type: 'plan',
      run: (options) => checkHttp(url, headersOf(httpGet, userAgent), options),
      lateWords: () => `Get "${url.href}": ${why}`,
    };
  }
  if (tcpSocket !== undefined) {
    return {
      type: 'plan',
      run: (options) => checkTcp(host, port, options),
      lateWords: () => `dial tcp ${at}: i/o timeout`,
    };
  }
  const service = grpc?.service ?? '';
  return {
    type: 'plan',
    run: (options) => checkGrpc({ host, port, service, userAgent }, options),
    lateWords: (ms) => `timeout: health rpc to "${at}" did not complete within ${ms / 1000}s`,
  };
}

function execPlan(command: readonly string[], target: ContainerTarget): CheckPlan {
  return {
    type: 'plan',
    run: async (options) => {
      const { exitCode, output } = await runCommand(target, command, options);
      return exitCode === 0 ? { type: 'success' } : { type: 'failure', message: output };
    },
    lateWords: (ms) => `command timed out: "${command.join(' ')}" timed out after ${ms / 1000}s`,
  };
}
