/** `GET /containerLogs/…`: a container's log as plain text, both streams in one. */
import type { ServerResponse } from 'node:http';
import { queryFlag } from '../../api/query-flag.ts';
import { badRequest } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import { drained } from '../../runtime/drained.ts';
import type { LogOptions } from '../../runtime/runtime.ts';
import type { Target } from './target.ts';

export async function serveLogs(
  target: Target,
  query: URLSearchParams,
  response: ServerResponse,
  clock: Clock,
): Promise<void> {
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const options = { ...logOptions(query, clock), container: target.container, signal: stop.signal };
  let left = readNumber(query, 'limitBytes') ?? Number.POSITIVE_INFINITY;
  await checkReadable(target, options);
  response.writeHead(200, { 'content-type': 'text/plain' });
  // A follower of a silent container wants to know at once that it follows.
  response.flushHeaders();
  for await (const { data } of target.runtime.logs(target.id, options)) {
    const piece = data.subarray(0, Math.min(left, data.byteLength));
    left -= piece.byteLength;
    if (!response.write(piece)) await drained(response);
    if (left === 0 || stop.signal.aborted) break;
  }
  response.end();
}

function logOptions(query: URLSearchParams, clock: Clock) {
  const tailLines = readNumber(query, 'tailLines');
  const sinceMs = readSince(query, clock);
  return {
    previous: queryFlag(query, 'previous'),
    follow: queryFlag(query, 'follow'),
    timestamps: queryFlag(query, 'timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
}

/** The words are upstream's. */
async function checkReadable(target: Target, options: LogOptions): Promise<void> {
  const { runtime, id, container, pod } = target;
  const status = await runtime.get(id, { signal: options.signal });
  const seen = status?.containers.find((each) => each.name === container);
  const name = pod.metadata.name ?? '';
  if (seen === undefined) {
    const reported = [
      ...(pod.status?.initContainerStatuses ?? []),
      ...(pod.status?.containerStatuses ?? []),
    ].find((each) => each.name === container);
    if (reported?.state?.terminated !== undefined) {
      throw badRequest(`container "${container}" in pod "${name}" is terminated`);
    }
    const reason = reported?.state?.waiting?.reason ?? 'ContainerCreating';
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${reason}`);
  }
  const { unlogged } = status?.machine ?? {};
  if (unlogged !== undefined) throw badRequest(unlogged);
  if (options.previous && seen.previous === undefined) {
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  }
}

function readNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name} must be a whole number: "${text}"`);
  return Number(text);
}

function readSince(query: URLSearchParams, clock: Clock): number | undefined {
  const seconds = readNumber(query, 'sinceSeconds');
  if (seconds !== undefined) return clock.now() - seconds * 1000;
  const text = query.get('sinceTime');
  if (text === null || text === '') return undefined;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw badRequest(`sinceTime is no RFC 3339 time: "${text}"`);
  return timeMs;
}
