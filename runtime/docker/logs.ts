import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { type LogChunk, type LogOptions, RuntimeError } from '../runtime.ts';
import { demux } from './demux.ts';
import { toRuntimeError } from './errors.ts';
import { attemptsOf, type Found } from './status.ts';

/** The log of one attempt, as the engine keeps it. */
export async function* readLogs(
  docker: Docker,
  found: readonly Found[],
  options: LogOptions,
): AsyncGenerator<LogChunk> {
  const attempts = attemptsOf(found, options.container);
  const one = attempts[options.previous ? 1 : 0];
  if (one === undefined) {
    const which = options.previous ? 'previous terminated container' : 'container';
    throw new RuntimeError('NotFound', `${which} "${options.container}" not found`, {
      container: options.container,
    });
  }
  const source = await openLog(docker, one.info.Id, options);
  try {
    yield* demux(source, one.info.Config.Tty);
  } catch (error) {
    // A reader that gives up sees the stream break off; that is its own doing.
    if (!options.signal.aborted) throw toRuntimeError(error);
  } finally {
    source.destroy();
  }
}

/** Always as a stream: read whole, the client library would parse a log that looks like JSON. */
function openLog(docker: Docker, id: string, options: LogOptions): Promise<Readable> {
  const query = {
    stdout: true,
    stderr: true,
    follow: options.follow,
    timestamps: options.timestamps,
    ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
    ...(options.sinceMs === undefined ? {} : { since: (options.sinceMs / 1000).toFixed(3) }),
  };
  const request = {
    path: `/containers/${id}/logs?`,
    method: 'GET',
    abortSignal: options.signal,
    isStream: true,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options: query,
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error, stream) => {
      if (error) reject(toRuntimeError(error));
      // With `isStream` the result is the HTTP response.
      else resolve(stream as Readable);
    });
  });
}
