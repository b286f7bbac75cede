/**
 * The client's side of `exec`: channels over a WebSocket, the first byte of each message names one.
 * Source: Kubernetes remotecommand, `v5.channel.k8s.io` (KEP-4006).
 */
import type { Readable, Writable } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import type { Kubeconfig } from '../../client/kubeconfig.ts';
import { Failure } from '../failure.ts';
import { onRefusal, openSocket } from './web-socket.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** How much may wait in the socket before our input is held back. */
const bufferedMax = 1 << 20;

export interface ExecStreams {
  /** Absent = the process gets no input. */
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** With a terminal: its size now, and a call for each change of it. */
  readonly terminal?: {
    size(): { readonly columns: number; readonly rows: number };
    onResize(listener: () => void): void;
  };
  /** Leaves the process alone and resolves with 0. */
  readonly leave?: AbortSignal;
}

/** Runs to the end of the remote process; resolves with its exit code. Throws `Failure`. */
export function runExec(
  kubeconfig: Kubeconfig,
  path: string,
  streams: ExecStreams,
): Promise<number> {
  const { server } = kubeconfig;
  const socket = openSocket(kubeconfig, path, protocols);
  return new Promise((resolve, reject) => {
    let ended: number | Failure | undefined;
    socket.on('open', () => start(socket, streams));
    streams.leave?.addEventListener('abort', () => {
      ended = 0;
      socket.close();
    });
    socket.on('message', (data) => {
      const message = toBuffer(data);
      const content = message.subarray(1);
      if (message[0] === channel.stdout) write(socket, streams.stdout, content);
      else if (message[0] === channel.stderr) write(socket, streams.stderr, content);
      else if (message[0] === channel.error) ended = readEnd(content.toString('utf8'));
    });
    onRefusal(socket, reject);
    socket.on('error', (cause) => {
      reject(new Failure(`no answer from ${server}: ${cause.message}`, { cause }));
    });
    socket.on('close', () => {
      if (typeof ended === 'number') resolve(ended);
      else reject(ended ?? new Failure('the connection broke off before the command had ended'));
    });
  });
}

function start(socket: WebSocket, { stdin, terminal }: ExecStreams): void {
  if (terminal !== undefined) {
    const tell = () => {
      const { columns, rows } = terminal.size();
      send(socket, channel.resize, JSON.stringify({ Width: columns, Height: rows }));
    };
    tell();
    terminal.onResize(tell);
  }
  if (stdin === undefined) return;
  stdin.on('data', (chunk: Buffer) => {
    send(socket, channel.stdin, chunk);
    if (socket.bufferedAmount <= bufferedMax) return;
    stdin.pause();
    const timer = setInterval(() => {
      if (socket.bufferedAmount > bufferedMax) return;
      clearInterval(timer);
      stdin.resume();
    }, 10);
    timer.unref();
  });
  stdin.on('end', () => {
    if (socket.protocol === protocols[0]) send(socket, channel.close, Buffer.of(channel.stdin));
  });
}

function send(socket: WebSocket, number: number, data: Uint8Array | string): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(Buffer.concat([Buffer.of(number), Buffer.from(data)]));
}

/** A slow reader holds the remote process back. */
function write(socket: WebSocket, target: Writable, data: Buffer): void {
  if (data.length === 0 || target.write(data)) return;
  socket.pause();
  target.once('drain', () => socket.resume());
}

interface EndStatus {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { reason?: string; message?: string }[] };
}

/** The exit code, or why there is none. */
function readEnd(text: string): number | Failure {
  let status: EndStatus;
  try {
    status = JSON.parse(text) as EndStatus; // Every field is checked for.
  } catch {
    return new Failure(text);
  }
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code !== undefined && /^\d+$/.test(code)) return Number(code);
  return new Failure(status.message ?? 'the command failed for an unknown reason');
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
