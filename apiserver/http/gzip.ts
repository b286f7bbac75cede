/** Large answers compressed for who takes it. Source: upstream's response writers. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ApiRequest, ApiResponse } from '../request/request.ts';

/** Smaller ones are sent as fast as they are compressed. Source: upstream, `defaultGzipThresholdBytes`. */
const minBytes = 128 * 1024;
/** The quickest one, as upstream's. */
const level = 1;

const compress = promisify(gzip);

/** The answer, compressed where it is a large one to a GET; the work is done by another thread. */
export async function compressed(request: ApiRequest, answer: ApiResponse): Promise<ApiResponse> {
  const { body, headers } = answer;
  if (!(body instanceof Uint8Array) || body.length < minBytes || request.method !== 'GET')
    return answer;
  const vary = { ...headers, vary: 'Accept-Encoding' };
  if (!takesGzip(request.headers['accept-encoding'])) return { ...answer, headers: vary };
  return {
    ...answer,
    headers: { ...vary, 'content-encoding': 'gzip' },
    body: await compress(body, { level }),
  };
}

/** Pure. */
export function takesGzip(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? '').split(',').some((each) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    return name === 'gzip' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
