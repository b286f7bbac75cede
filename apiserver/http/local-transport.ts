/** The apiserver as a `Transport`: requests of controllers in the same process, without sockets. */
import type { Transport } from '../../client/transport.ts';
import type { ApiRequest, ApiResponse, UserInfo } from '../request/request.ts';
import { splitUrl } from './front-end.ts';

export type LocalHandler = (request: ApiRequest, user: UserInfo) => Promise<ApiResponse>;

/** Every request of the transport is made as `user`; authorisation applies as for anybody. */
export function localTransport(handle: LocalHandler, user: UserInfo): Transport {
  return async ({ method, path, headers, body, signal }) => {
    const answer = await handle(
      {
        method,
        ...splitUrl(path),
        headers,
        body: async () => body ?? new Uint8Array(),
        signal,
      },
      user,
    );
    return {
      status: answer.status,
      headers: answer.headers,
      body: answer.body instanceof Uint8Array ? single(answer.body) : answer.body,
    };
  };
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
