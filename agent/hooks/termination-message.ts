/** What a container leaves as its last words: a file shown inside it, or the end of its log. */
import { chmod, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Pod } from '../../api/kinds.gen.ts';
import type { Log } from '../../lib/log.ts';
import type {
  ContainerSpec,
  ContainerState,
  InstanceStatus,
  Runtime,
} from '../../runtime/runtime.ts';
import { podDirectory } from '../files/volumes.ts';
import type { PodMemory } from '../pod/pod-memory.ts';
import { containersOf, reportedStatus } from '../pod/pod-view.ts';

/** Source: Kubernetes "Determine the Reason for Pod Failure". */
const limits = { fileBytes: 4096, podBytes: 12_288, logBytes: 2048, logLines: 80 } as const;
const defaultPath = '/dev/termination-log';

/** A pod that may have ended attempts. */
interface Ended {
  readonly pod: Pod;
  readonly uid: string;
  readonly memory: Pick<PodMemory, 'messages'>;
  readonly runtime: Runtime;
  readonly dataDir: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The specification with the file mounted; made anew, so that nothing of an earlier attempt is in it. */
export async function withMessageFile(
  { dataDir, uid }: Pick<Ended, 'dataDir' | 'uid'>,
  { terminationMessagePath = defaultPath }: Container,
  spec: ContainerSpec,
): Promise<ContainerSpec> {
  const taken = spec.mounts.some((each) => each.containerPath === terminationMessagePath);
  // A program of the machine itself sees the machine's own /dev, where nothing is to be put.
  const onMachine = spec.image === '' && terminationMessagePath === defaultPath;
  if (terminationMessagePath === '' || taken || onMachine) return spec;
  const hostPath = fileOf(dataDir, uid, spec.name, spec.attempt);
  await mkdir(dirname(hostPath), { recursive: true });
  await writeFile(hostPath, '');
  // Every user of the container may write.
  await chmod(hostPath, 0o666);
  await rm(fileOf(dataDir, uid, spec.name, spec.attempt - 2), { force: true });
  const mount = { hostPath, containerPath: terminationMessagePath, readOnly: false };
  return { ...spec, mounts: [...spec.mounts, mount] };
}

function fileOf(dataDir: string, uid: string, container: string, attempt: number): string {
  return join(podDirectory(dataDir, uid), 'containers', container, String(attempt));
}

type Exited = Extract<ContainerState, { phase: 'exited' }>;

interface EndedAttempt {
  readonly container: Container;
  readonly containerId: string;
  readonly attempt: number;
  readonly state: Exited;
  readonly previous: boolean;
}

/** Messages of what has ended, by container id. Each is read once; afterwards memory or the API has it. */
export async function terminationMessages(
  context: Ended,
  status: InstanceStatus | undefined,
): Promise<ReadonlyMap<string, string>> {
  const { messages } = context.memory;
  const ended = endedAttempts(context, status);
  for (const id of messages.keys()) {
    if (!ended.some((each) => each.containerId === id)) messages.delete(id);
  }
  for (const each of ended) {
    if (messages.has(each.containerId)) continue;
    const known = reportedEnd(context, each);
    messages.set(
      each.containerId,
      known === undefined ? await readMessage(context, each) : (known.message ?? ''),
    );
  }
  return new Map([...messages].filter(([, message]) => message !== ''));
}

function endedAttempts(
  { pod }: Ended,
  status: InstanceStatus | undefined,
): readonly EndedAttempt[] {
  return containersOf(pod).flatMap((container) => {
    const seen = status?.containers.find(({ name }) => name === container.name);
    if (seen === undefined) return [];
    const { attempt, containerId, state, previous: before } = seen;
    const ended: EndedAttempt[] = [];
    if (state.phase === 'exited') {
      ended.push({ container, containerId, attempt, state, previous: false });
    }
    if (before !== undefined) {
      const { containerId: id, ...was } = before;
      ended.push({ container, containerId: id, attempt: attempt - 1, state: was, previous: true });
    }
    return ended;
  });
}

function reportedEnd({ pod }: Ended, { container, containerId }: EndedAttempt) {
  const { state, lastState } = reportedStatus(pod, container.name) ?? {};
  return [state?.terminated, lastState?.terminated].find(
    (each) => each?.containerID === containerId,
  );
}

async function readMessage(context: Ended, ended: EndedAttempt): Promise<string> {
  const { container, attempt, state } = ended;
  const { dataDir, uid, pod, log } = context;
  const { terminationMessagePolicy } = container;
  const engine = state.message ?? '';
  try {
    const maxBytes = Math.min(limits.fileBytes, limits.podBytes / containersOf(pod).length);
    let own = await readEnd(fileOf(dataDir, uid, container.name, attempt), Math.floor(maxBytes));
    if (
      own === '' &&
      terminationMessagePolicy === 'FallbackToLogsOnError' &&
      state.exitCode !== 0
    ) {
      own = await readLogEnd(context, ended);
    }
    return [engine, own].filter((text) => text !== '').join(': ');
  } catch (error) {
    context.signal.throwIfAborted();
    log.debug({ uid, container: container.name, err: error }, 'termination message not read');
    return engine;
  }
}

/** The last bytes of a file as text; none when it is not there. */
async function readEnd(path: string, maxBytes: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, maxBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

async function readLogEnd(
  { runtime, uid, signal }: Ended,
  { container, previous }: EndedAttempt,
): Promise<string> {
  const options = { container: container.name, previous, follow: false, timestamps: false, signal };
  let end = Buffer.alloc(0);
  for await (const { data } of runtime.logs(uid, { ...options, tailLines: limits.logLines })) {
    end = Buffer.concat([end, data]);
    if (end.length > limits.logBytes) end = end.subarray(end.length - limits.logBytes);
  }
  return end.toString('utf8');
}
