/** Brings the image of a container, and tells the pod's user what becomes of it. */
import type { Container } from '../../api/kinds.gen.ts';
import { StatusError } from '../../api/status.ts';
import { type ImageInfo, type PullProgress, RuntimeError } from '../../runtime/runtime.ts';
import type { References } from '../files/references.ts';
import { credentialsFor, type Keyring, readKeyring } from '../images/registry-credentials.ts';
import { type ImageFailure, nextDelayMs } from '../pod/pod-memory.ts';
import type { Waiting } from '../pod/pod-view.ts';
import { pullPolicyOf } from '../spec/container-spec.ts';
import type { PodContext } from './pod-context.ts';
import { record } from './record.ts';

export type Brought =
  | { readonly type: 'present'; readonly image: ImageInfo | undefined }
  | { readonly type: 'waiting'; readonly waiting: Waiting; readonly retryAtMs: number };

/** When a pull that lasts is told of: soon in the status, then with an event each time. */
const firstTellMs = 1_000;
const nextTellMs = 10_000;
const tellMaxMs = 300_000;

export async function bringImage(
  context: PodContext,
  references: References,
  container: Container,
): Promise<Brought> {
  const { memory, runtime, clock, signal } = context;
  const { name, image = '' } = container;
  if (image === '') return { type: 'present', image: undefined }; // A process of the machine needs none.
  const remembered = memory.of(name);
  const failed = remembered.imageFailure;
  const leftMs = (failed?.untilMs ?? 0) - clock.now();
  // A wait longer than it was means that the clock has been set back.
  if (failed !== undefined && leftMs > 0 && leftMs <= failed.delayMs) {
    return { type: 'waiting', waiting: backOff(context, failed, image), retryAtMs: failed.untilMs };
  }
  const policy = pullPolicyOf(container);
  try {
    const present = policy === 'Always' ? undefined : await runtime.imageInfo(image, { signal });
    if (present !== undefined) {
      const again = remembered.configError !== undefined;
      const words = `Container image "${image}" already present on machine`;
      if (!again) record(context, 'Normal', 'Pulled', words);
    } else if (policy === 'Never') {
      const words = `Container image "${image}" is not present with pull policy of Never`;
      throw new RuntimeError('ImageMissing', words);
    } else {
      await pull(context, references, name, image);
    }
    delete remembered.imageFailure;
    return { type: 'present', image: present ?? (await runtime.imageInfo(image, { signal })) };
  } catch (error) {
    const reason = failureReason(error);
    if (reason === undefined || !(error instanceof RuntimeError)) throw error;
    const { message } = error;
    const delayMs = nextDelayMs(failed?.delayMs);
    const untilMs = clock.now() + delayMs;
    remembered.imageFailure = { reason, message, delayMs, untilMs };
    if (reason === 'ErrImagePull') {
      record(context, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    } else {
      const kind = reason === 'InvalidImageName' ? 'InspectFailed' : reason;
      record(context, 'Warning', kind, message);
    }
    record(context, 'Warning', 'Failed', `Error: ${reason}`);
    // The next look, which comes at once, says for how long nothing is tried.
    return { type: 'waiting', waiting: { reason, message }, retryAtMs: clock.now() };
  }
}

async function pull(
  context: PodContext,
  references: References,
  container: string,
  image: string,
): Promise<void> {
  const { runtime, clock, signal, aside, images } = context;
  const credentials = credentialsFor(image, await keyringOf(context, references));
  record(context, 'Normal', 'Pulling', `Pulling image "${image}"`);
  const startMs = clock.now();
  let latest: PullProgress | undefined;
  const progress = (made: PullProgress) => {
    latest = made;
  };
  const done = new AbortController();
  const told = tellProgress(context, container, image, () => latest, done.signal);
  try {
    await aside(() => images.pull({ runtime, image, credentials, progress }, { signal }));
  } finally {
    done.abort();
    await told;
  }
  const took = goDuration(clock.now() - startMs);
  const size = (await runtime.imageInfo(image, { signal }))?.sizeBytes ?? 0;
  const words = `Successfully pulled image "${image}" in ${took} (${took} including waiting)`;
  record(context, 'Normal', 'Pulled', `${words}. Image size: ${size} bytes.`);
}

/** Ever more rarely: a pull of an hour is told of about fifteen times. */
async function tellProgress(
  context: PodContext,
  container: string,
  image: string,
  latest: () => PullProgress | undefined,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = 0;
  for (;;) {
    await context.clock.sleep(waitMs === 0 ? firstTellMs : waitMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const made = latest();
    const far =
      made === undefined ? '' : `: ${megabytes(made.doneBytes)} of ${megabytes(made.totalBytes)}`;
    const message = `Pulling image "${image}"${far}`;
    if (waitMs > 0 && made !== undefined) record(context, 'Normal', 'Pulling', message);
    await context.tell(new Map([[container, { reason: 'ContainerCreating', message }]]));
    waitMs = waitMs === 0 ? nextTellMs : Math.min(waitMs * 2, tellMaxMs);
  }
}

/** What the pod's Secrets hold; those that cannot be read are told of once. */
async function keyringOf(context: PodContext, references: References): Promise<Keyring> {
  const { pod, memory } = context;
  const keyring: Keyring[number][] = [];
  const missing: string[] = [];
  for (const { name = '' } of pod.spec.imagePullSecrets ?? []) {
    const entries = await references.secret(name).catch(refusedAsUndefined);
    const found = entries === undefined ? undefined : readKeyring(entries);
    if (found === undefined) missing.push(name);
    else keyring.push(...found);
  }
  const names = missing.join(', ');
  if (names !== '' && names !== memory.missingPullSecrets) {
    const words = `Unable to retrieve some image pull secrets (${names}); attempting to pull the image may not succeed.`;
    record(context, 'Warning', 'FailedToRetrieveImagePullSecret', words);
  }
  memory.missingPullSecrets = names;
  return keyring;
}

function refusedAsUndefined(error: unknown): undefined {
  if (error instanceof StatusError && error.code === 403) return undefined;
  throw error;
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

function backOff(context: PodContext, failed: ImageFailure, image: string): Waiting {
  const { reason, message } = failed;
  if (reason !== 'ErrImagePull') return { reason, message };
  const words = `Back-off pulling image "${image}"`;
  if (failed.backOffTold !== true) {
    record(context, 'Normal', 'BackOff', words);
    record(context, 'Warning', 'Failed', 'Error: ImagePullBackOff');
  }
  failed.backOffTold = true;
  return { reason: 'ImagePullBackOff', message: `${words}: ErrImagePull: ${message}` };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `744ms`, `1.234s`, `1m2.5s`: as Go writes durations. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round(ms - minutes * 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
