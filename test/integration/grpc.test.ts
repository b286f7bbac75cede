import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { GrpcChannel, GrpcError, messageHeadBytes } from '../../store/grpc.ts';
import { freePort } from '../harness/etcd.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A channel to a server that answers as `answer` says. */
async function channelTo(answer: (stream: ServerHttp2Stream) => void) {
  const server: Http2Server = createServer();
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  // A TCP server's address is always of this shape.
  const { port } = server.address() as AddressInfo;
  return { channel: channelAt(port), sessions };
}

function channelAt(port: number): GrpcChannel {
  const channel = new GrpcChannel({ address: `127.0.0.1:${port}`, clock: systemClock });
  cleanups.push(() => channel.close());
  return channel;
}

function call(text = 'question') {
  return { path: '/test.Echo/Say', message: framed(text), metadata: {} };
}

function framed(text: string): Buffer {
  const message = Buffer.from(text);
  const head = Buffer.alloc(messageHeadBytes);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const soon = (ms = 5_000) => Date.now() + ms;
const head = { ':status': 200, 'content-type': 'application/grpc' };

/** Answers with `chunks` as they are, and ends well. */
function say(stream: ServerHttp2Stream, ...chunks: Buffer[]): void {
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
}

async function failureOf(
  work: Promise<unknown>,
): Promise<Pick<GrpcError, 'code' | 'message' | 'isUntouched'>> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof GrpcError)) throw new Error(`not a GrpcError: ${error}`);
  return error;
}

async function all(messages: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of messages) texts.push(Buffer.from(message).toString());
  return texts;
}

test('a message for a message, all over one connection', async () => {
  const { channel, sessions } = await channelTo((stream) => {
    const asked: Buffer[] = [];
    stream.on('data', (chunk) => asked.push(Buffer.from(chunk)));
    stream.on('end', () => say(stream, Buffer.concat(asked)));
  });
  const texts = ['', 'one', 'x'.repeat(3_000_000)];
  const answers = await Promise.all(texts.map((text) => channel.unary(call(text), soon())));
  // Not by `toEqual`, which would print megabytes.
  expect(answers.map((answer, i) => Buffer.from(answer).toString() === texts[i])).toEqual([
    true,
    true,
    true,
  ]);
  expect(sessions.length).toBe(1);
});

test('what the server refuses is told with its code and words', async () => {
  const { channel } = await channelTo((stream) =>
    stream.respond(
      { ...head, 'grpc-status': '11', 'grpc-message': 'etcdserver: 100%25 gone' },
      { endStream: true },
    ),
  );
  const failure = await failureOf(channel.unary(call(), soon()));
  expect(failure).toMatchObject({ code: 11, isUntouched: false, message: 'etcdserver: 100% gone' });
});

test('one who speaks HTTP but not gRPC', async () => {
  const { channel } = await channelTo((stream) => {
    stream.respond({ ':status': 503 });
    stream.end('<html>no</html>');
  });
  const failure = await failureOf(channel.unary(call(), soon()));
  expect(failure).toMatchObject({ code: 2, message: 'HTTP status 503' });
});

test('only what the server has not begun with is untouched', async () => {
  const codes = [constants.NGHTTP2_REFUSED_STREAM, constants.NGHTTP2_INTERNAL_ERROR];
  const { channel, sessions } = await channelTo((stream) => {
    const code = codes.shift();
    if (code === undefined) sessions[0]?.destroy();
    else stream.close(code);
  });
  expect(await failureOf(channel.unary(call(), soon()))).toMatchObject({ isUntouched: true });
  expect(await failureOf(channel.unary(call(), soon()))).toMatchObject({ isUntouched: false });
  const cut = await failureOf(channel.unary(call(), soon()));
  expect(cut).toMatchObject({ code: 14, isUntouched: false });
});

test('without a server, or with one that says nothing, nothing was touched', async () => {
  const nobody = channelAt(await freePort());
  expect(await failureOf(nobody.unary(call(), soon()))).toMatchObject({ isUntouched: true });
  const silent = createTcpServer((socket) => {
    cleanups.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const failure = await failureOf(channelAt(port).unary(call(), soon(300)));
  expect(failure).toMatchObject({ code: 14, isUntouched: true });
});

test('an answer that does not come is given up at the deadline, and the server hears of it', async () => {
  let ended = 0;
  const { channel } = await channelTo((stream) => {
    stream.on('close', () => {
      ended += 1;
    });
  });
  const failure = await failureOf(channel.unary(call(), soon(200)));
  expect(failure).toMatchObject({ code: 4, isUntouched: false });
  await expect.poll(() => ended).toBe(1);
});

test('a server that is about to end is left, and what is under way goes on', async () => {
  const held: ServerHttp2Stream[] = [];
  const { channel, sessions } = await channelTo((stream) => {
    if (sessions.length === 1) held.push(stream);
    else say(stream, framed('second'));
  });
  const first = channel.unary(call(), soon());
  await expect.poll(() => held.length).toBe(1);
  sessions[0]?.goaway();
  await expect
    .poll(async () =>
      Buffer.from(await channel.unary(call(), soon(300)).catch(() => Buffer.of())).toString(),
    )
    .toBe('second');
  for (const stream of held) say(stream, framed('first'));
  expect(Buffer.from(await first).toString()).toBe('first');
});

test('a stream gives its messages however they are cut, and ends with the server', async () => {
  const texts = ['one', '', 'three', 'x'.repeat(100_000), 'five'];
  const bytes = Buffer.concat(texts.map(framed));
  const { channel } = await channelTo((stream) => {
    const cuts = [3, 8, 9, 50_000, bytes.length - 2];
    say(stream, ...cuts.map((cut, i) => bytes.subarray(cuts[i - 1] ?? 0, cut)), bytes.subarray(-2));
  });
  const { signal } = new AbortController();
  const messages = channel.stream(call(), { deadlineMs: soon(), signal });
  expect(await all(messages)).toEqual(texts);
});

test('a stream that breaks, or that its reader ends', async () => {
  let open: ServerHttp2Stream | undefined;
  const { channel } = await channelTo((stream) => {
    open = stream;
    stream.respond(head);
    stream.write(framed('one'));
  });
  const stop = new AbortController();
  const begin = () => channel.stream(call(), { deadlineMs: soon(), signal: stop.signal });
  const breaking = begin();
  await breaking.next();
  open?.close(constants.NGHTTP2_INTERNAL_ERROR);
  expect(await failureOf(breaking.next())).toMatchObject({ code: 14 });
  const stopping = begin();
  await stopping.next();
  stop.abort(new Error('enough'));
  await expect(stopping.next()).rejects.toThrow('enough');
  await expect.poll(() => open?.closed).toBe(true);
});
