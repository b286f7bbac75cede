import type Docker from 'dockerode';
import type { CallOptions } from '../../lib/call.ts';
import {
  type ImageInfo,
  type ImagePullPolicy,
  type PullOptions,
  RuntimeError,
} from '../runtime.ts';
import { statusOf, toRuntimeError, wordsOf } from './errors.ts';

/** Makes `image` present by `policy`; failures carry the engine's own words. */
export async function ensureImage(
  docker: Docker,
  image: string,
  policy: ImagePullPolicy,
  options: PullOptions,
): Promise<void> {
  const { signal } = options;
  checkReference(image);
  if (policy !== 'Always') {
    if (await isImagePresent(docker, image, signal)) return;
    if (policy === 'Never') {
      throw new RuntimeError('ImageMissing', `image "${image}" is not present on this machine`);
    }
  }
  await pull(docker, withTag(image), options);
}

export async function isImagePresent(
  docker: Docker,
  image: string,
  signal: AbortSignal,
): Promise<boolean> {
  return (await imageInfo(docker, image, { signal })) !== undefined;
}

/** Asked past the client library, whose own call cannot be given up. */
export async function imageInfo(
  docker: Docker,
  image: string,
  { signal }: CallOptions,
): Promise<ImageInfo | undefined> {
  checkReference(image);
  const request = {
    path: `/images/${image}/json`,
    method: 'GET',
    abortSignal: signal,
    statusCodes: { 200: true, 404: 'no such image', 500: 'server error' },
  };
  return await new Promise((resolve, reject) => {
    docker.modem.dial(request, (error, answer) => {
      if (!error) resolve(readInfo(answer));
      else if (statusOf(error) === 404) resolve(undefined);
      else reject(toRuntimeError(error));
    });
  });
}

function readInfo(answer: unknown): ImageInfo {
  // The engine's answer to an inspection; the fields are in every version of its API.
  const { Id, Size, Config } = answer as {
    readonly Id: string;
    readonly Size: number;
    readonly Config?: { readonly User?: string } | null;
  };
  return { id: Id, sizeBytes: Size, user: Config?.User ?? '' };
}

async function pull(docker: Docker, image: string, options: PullOptions): Promise<void> {
  const { signal, auth } = options;
  let lines: NodeJS.ReadableStream;
  try {
    const authconfig =
      auth === undefined
        ? {}
        : {
            authconfig: {
              username: auth.username,
              password: auth.password,
              serveraddress: auth.server,
            },
          };
    lines = await docker.pull(image, { abortSignal: signal, ...authconfig });
  } catch (error) {
    throw toRuntimeError(error, {}, { otherwise: 'ImagePullFailed' });
  }
  await readProgress(docker, lines, signal, options.progress);
}

interface ProgressLine {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

/** Reads an engine's progress stream to its end; an `error` line in it is `ImagePullFailed`. */
export function readProgress(
  docker: Docker,
  lines: NodeJS.ReadableStream,
  signal: AbortSignal,
  progress?: PullOptions['progress'],
): Promise<void> {
  const layers = new Map<string, { readonly current: number; readonly total: number }>();
  const note = ({ id = '', status, progressDetail = {} }: ProgressLine) => {
    const { current = 0, total = 0 } = progressDetail;
    if (progress === undefined || status !== 'Downloading' || total <= 0) return;
    layers.set(id, { current, total });
    const sum = (of: 'current' | 'total') =>
      [...layers.values()].reduce((all, layer) => all + layer[of], 0);
    progress({ doneBytes: sum('current'), totalBytes: sum('total') });
  };
  // Cutting the connection is what makes the engine give up; the client library would only stop reading.
  const cut = () => {
    if ('destroy' in lines && typeof lines.destroy === 'function') lines.destroy(signal.reason);
  };
  signal.addEventListener('abort', cut, { once: true });
  return new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      lines,
      (error: unknown) => {
        if (signal.aborted) reject(signal.reason);
        else if (error)
          reject(new RuntimeError('ImagePullFailed', wordsOf(error), { cause: error }));
        else resolve();
      },
      note,
    );
  }).finally(() => signal.removeEventListener('abort', cut));
}

/** The engine pulls *every* tag of a name without one. */
function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? image : `${image}:latest`;
}

const component = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const domain = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?';
const reference = new RegExp(
  `^(?:${domain}/)?${component}(?:/${component})*(?::[\\w][\\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?$`,
);

function checkReference(image: string): void {
  if (isImageReference(image)) return;
  throw new RuntimeError('InvalidSpec', `invalid reference format: "${image}"`);
}

/** Source: the grammar of distribution/reference; a bare image id (`sha256:…`) is one too. */
function isImageReference(image: string): boolean {
  return image.length <= 512 && (reference.test(image) || /^sha256:[0-9a-f]{64}$/.test(image));
}
