/** One member of etcd, as the user that was given: calls over one connection, and watches over another that never holds them up. */
import { ProtobufReader } from '../lib/protobuf-reader.ts';
import { ProtobufWriter } from '../lib/protobuf-writer.ts';
import { authenticate, type Credentials, type Method } from './etcd-messages.ts';
import { GrpcChannel, GrpcError, type GrpcOptions, messageHeadBytes } from './grpc.ts';

export interface EtcdClientOptions extends GrpcOptions {
  readonly auth?: Credentials;
}

type Metadata = Readonly<Record<string, string>>;

const nobody: Metadata = {};
/** Else a member that is cut off from the others would keep a stream in silence for ever. */
const requireLeader: Metadata = { hasleader: 'true' };
/** By these etcd refuses a token that was good before. */
const oldTokenTexts = ['invalid auth token', 'revision of auth store is old'];

export class EtcdClient {
  readonly #calls: GrpcChannel;
  readonly #streams: GrpcChannel;
  readonly #auth: Credentials | undefined;
  #token: Promise<Metadata> | undefined;

  constructor({ auth, ...options }: EtcdClientOptions) {
    this.#calls = new GrpcChannel(options);
    this.#streams = new GrpcChannel(options);
    this.#auth = auth;
  }

  /** Sent again only where etcd refused the token for its age. Throws `GrpcError`. */
  async call<Q, A>(method: Method<Q, A>, request: Q, deadlineMs: number): Promise<A> {
    if (this.#auth === undefined) return this.#send(method, request, { deadlineMs });
    try {
      const metadata = await this.#identity(this.#auth, deadlineMs);
      return await this.#send(method, request, { deadlineMs, metadata });
    } catch (error) {
      if (!isOldToken(error)) throw error;
      this.forgetToken();
      const metadata = await this.#identity(this.#auth, deadlineMs);
      return this.#send(method, request, { deadlineMs, metadata });
    }
  }

  /**
   * What answers one request, piece by piece, until the member ends it. It must have a connection by
   * the deadline. Throws `GrpcError`, or the reason of the signal.
   */
  async *stream<Q, A>(
    method: Method<Q, A>,
    request: Q,
    { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): AsyncGenerator<A, void> {
    const identity =
      this.#auth === undefined ? nobody : await this.#identity(this.#auth, deadlineMs);
    const call = {
      path: method.path,
      message: encode(method, request),
      metadata: { ...identity, ...requireLeader },
    };
    for await (const message of this.#streams.stream(call, { deadlineMs, signal })) {
      yield method.read(new ProtobufReader(message));
    }
  }

  /** For watches: of them etcd does not say that their token was too old. */
  forgetToken(): void {
    this.#token = undefined;
  }

  close(): void {
    this.#calls.close();
    this.#streams.close();
  }

  async #send<Q, A>(
    method: Method<Q, A>,
    request: Q,
    {
      deadlineMs,
      metadata = nobody,
    }: { readonly deadlineMs: number; readonly metadata?: Metadata },
  ): Promise<A> {
    const call = { path: method.path, message: encode(method, request), metadata };
    return method.read(new ProtobufReader(await this.#calls.unary(call, deadlineMs)));
  }

  /** Asked for once for all calls; a failure is not kept. */
  #identity(auth: Credentials, deadlineMs: number): Promise<Metadata> {
    this.#token ??= this.#send(authenticate, auth, { deadlineMs }).then(
      (token) => ({ token }),
      (error) => {
        this.forgetToken();
        throw error;
      },
    );
    return this.#token;
  }
}

function encode<Q>(method: Method<Q, unknown>, request: Q): Buffer {
  const writer = new ProtobufWriter(messageHeadBytes);
  method.write(writer, request);
  return writer.finish();
}

function isOldToken(error: unknown): boolean {
  return error instanceof GrpcError && oldTokenTexts.some((text) => error.message.includes(text));
}
