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
    const { status, headers: answered, body: content, done } = answer;
    if (!(content instanceof Uint8Array))
      return { status, headers: answered, body: untilDone(content, done) };
    done?.();
    return { status, headers: answered, body: single(content) };
  };
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Tells also of a stream that is let go before it was begun. */
function untilDone(
  body: AsyncIterable<Uint8Array>,
  done: ApiResponse['done'],
): AsyncIterable<Uint8Array> {
  if (done === undefined) return body;
  return {
    [Symbol.asyncIterator]() {
      const stream = body[Symbol.asyncIterator]();
      const end = { done: true, value: undefined } as const;
      return {
        next: () =>
          stream.next().then(
            (result) => {
              if (result.done === true) done();
              return result;
            },
            (error) => {
              done();
              throw error;
            },
          ),
        return: async () => {
          done();
          return (await stream.return?.()) ?? end;
        },
      };
    },
  };
}
