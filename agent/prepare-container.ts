/** Brings the image and the resolved specification of a container, or says what it waits for. */
import type { Container } from '../api/kinds.gen.ts';
import { StatusError } from '../api/status.ts';
import { type ContainerSpec, type ImageInfo, RuntimeError } from '../runtime/runtime.ts';
import { ConfigError } from './config-error.ts';
import { pullPolicyOf, resolveContainer } from './container-spec.ts';
import { withMessageFile } from './hooks/termination-message.ts';
import type { PodContext } from './pod-context.ts';
import { type ImageFailure, nextDelayMs } from './pod-memory.ts';
import { namespacesOf } from './pod-namespaces.ts';
import type { Waiting } from './pod-status.ts';
import type { References } from './references.ts';

export type Prepared =
  | { readonly type: 'ready'; readonly spec: ContainerSpec }
  | { readonly type: 'waiting'; readonly waiting: Waiting; readonly retryAtMs: number };

/** How often a pod whose ConfigMap or Secret is missing looks again. */
const configRetryMs = 5_000;

export async function prepareContainer(
  context: PodContext,
  references: References,
  container: Container,
  attempt: number,
): Promise<Prepared> {
  const brought = await ensureImage(context, container);
  if (brought.type === 'waiting') return brought;
  const { image } = brought;
  const { pod, dataDir, facts, uid, specs, clock } = context;
  try {
    // Checked here, where it becomes a waiting reason; `ensure` gets the result.
    namespacesOf(pod, facts.nodeName);
    const within = { pod, dataDir, facts, references, image };
    const spec = await resolveContainer(container, attempt, within);
    specs.put(uid, spec);
    delete context.memory.of(container.name).configError;
    return { type: 'ready', spec: await withMessageFile(context, container, spec) };
  } catch (error) {
    if (error instanceof ConfigError || isRefusal(error)) {
      const { message } = error;
      const waiting = { reason: 'CreateContainerConfigError', message };
      const memory = context.memory.of(container.name);
      // Told once, not at every look: others of the pod's events would be cut off.
      if (memory.configError !== message) warn(context, 'Failed', `Error: ${message}`);
      memory.configError = message;
      return { type: 'waiting', waiting, retryAtMs: clock.now() + configRetryMs };
    }
    // Without the control plane the container starts as it last did.
    const remembered = specs.get(uid, container.name);
    if (!isOutage(error) || remembered === undefined) throw error;
    const spec = { ...remembered, attempt };
    return { type: 'ready', spec: await withMessageFile(context, container, spec) };
  }
}

/** The API has answered, and will not give what the pod names. */
function isRefusal(error: unknown): error is StatusError {
  return error instanceof StatusError && (error.code === 403 || error.code === 404);
}

function isOutage(error: unknown): boolean {
  return error instanceof StatusError && error.code >= 500;
}

type Brought =
  | { readonly type: 'present'; readonly image: ImageInfo | undefined }
  | Extract<Prepared, { type: 'waiting' }>;

async function ensureImage(context: PodContext, container: Container): Promise<Brought> {
  const { memory, runtime, clock, signal, events, pod, aside } = context;
  const { name, image = '' } = container;
  if (image === '') return { type: 'present', image: undefined }; // A process of the machine needs none.
  const remembered = memory.of(name);
  const failed = remembered.imageFailure;
  const leftMs = (failed?.untilMs ?? 0) - clock.now();
  // A wait longer than it was means that the clock has been set back.
  if (failed !== undefined && leftMs > 0 && leftMs <= failed.delayMs) {
    return { type: 'waiting', waiting: backOff(failed, image), retryAtMs: failed.untilMs };
  }
  const normal = (reason: string, message: string) =>
    events.recordEvent({ involvedObject: pod, type: 'Normal', reason, message });
  const policy = pullPolicyOf(container);
  try {
    const present = policy === 'Always' ? undefined : await runtime.imageInfo(image, { signal });
    if (present !== undefined) {
      const again = remembered.configError !== undefined;
      if (!again) normal('Pulled', `Container image "${image}" already present on machine`);
    } else if (policy === 'Never') {
      throw new RuntimeError(
        'ImageMissing',
        `Container image "${image}" is not present with pull policy of Never`,
      );
    } else {
      normal('Pulling', `Pulling image "${image}"`);
      const startMs = clock.now();
      await aside(() => runtime.ensureImage(image, policy, { signal }));
      const seconds = ((clock.now() - startMs) / 1000).toFixed(3);
      normal('Pulled', `Successfully pulled image "${image}" in ${seconds}s`);
    }
    delete remembered.imageFailure;
    return { type: 'present', image: present ?? (await runtime.imageInfo(image, { signal })) };
  } catch (error) {
    const reason = failureReason(error);
    if (reason === undefined || !(error instanceof RuntimeError)) throw error;
    const message =
      reason === 'ErrImagePull'
        ? `failed to pull image "${image}": ${error.message}`
        : error.message;
    const delayMs = nextDelayMs(failed?.delayMs);
    const untilMs = clock.now() + delayMs;
    remembered.imageFailure = { reason, message, delayMs, untilMs };
    warn(context, reason === 'InvalidImageName' ? 'InspectFailed' : 'Failed', message);
    warn(context, 'Failed', `Error: ${reason}`);
    // The next look, which comes at once, says for how long nothing is tried.
    return { type: 'waiting', waiting: { reason, message }, retryAtMs: clock.now() };
  }
}

function failureReason(error: unknown): ImageFailure['reason'] | undefined {
  if (!(error instanceof RuntimeError)) return undefined;
  switch (error.reason) {
    case 'ImageMissing':
      return 'ErrImageNeverPull';
    case 'ImagePullFailed':
      return 'ErrImagePull';
    case 'InvalidSpec':
      return 'InvalidImageName';
    default:
      return undefined;
  }
}

function backOff({ reason, message }: ImageFailure, image: string): Waiting {
  if (reason !== 'ErrImagePull') return { reason, message };
  return {
    reason: 'ImagePullBackOff',
    message: `Back-off pulling image "${image}": ErrImagePull: ${message}`,
  };
}

function warn({ events, pod }: PodContext, reason: string, message: string): void {
  events.recordEvent({ involvedObject: pod, type: 'Warning', reason, message });
}
