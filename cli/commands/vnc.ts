/** `berth vnc`: the screen of a virtual machine, for a VNC viewer on this computer. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { createWebSocketStream, type WebSocket } from 'ws';
import { newCommand, wholeNumber } from '../command.ts';
import { Failure } from '../failure.ts';
import { type Instance, instancePath, machineNamed } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { onRefusal, openSocket } from '../verbs/web-socket.ts';

interface VncOptions extends SessionOptions {
  readonly port?: number;
}

export function vncCommand(): Command {
  const command = newCommand({
    name: 'vnc',
    purpose: 'Opens the screen of a virtual machine on a local port, until it is interrupted.',
    examples: ['berth vnc vm/db', 'berth vnc vm/db --port 5901 & vncviewer 127.0.0.1:5901'],
  })
    .argument('<vm>', 'vm/NAME')
    .option(
      '--port <number>',
      'port on 127.0.0.1; default a free one',
      wholeNumber('--port', 0, 65_535),
    );
  return addSessionOptions(command).action((vm: string, options: VncOptions) =>
    withSession(options, (session) => serve(session, machineNamed(vm), options.port ?? 0)),
  );
}

async function serve(session: Session, machine: Instance, port: number): Promise<void> {
  // Told at once, not when a viewer comes.
  const probe = open(session, machine);
  await opened(probe).finally(() => probe.terminate());
  const server = createServer((viewer) => void show(session, machine, viewer));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new Failure(`port ${port}: ${cause.message}`, { cause })),
    );
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const { port: taken } = server.address() as AddressInfo; // A TCP server's is never a string.
  process.stdout.write(`screen of vm/${machine.name} at 127.0.0.1:${taken}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  server.close();
}

async function show(session: Session, machine: Instance, viewer: Socket): Promise<void> {
  const socket = open(session, machine);
  try {
    await opened(socket);
    const stream = createWebSocketStream(socket);
    await Promise.all([pipeline(viewer, stream), pipeline(stream, viewer)]);
  } catch (error) {
    if (error instanceof Failure) process.stderr.write(`berth: ${error.message}\n`);
  } finally {
    socket.terminate();
    viewer.destroy();
  }
}

function open(session: Session, machine: Instance): WebSocket {
  return openSocket(session.kubeconfig, instancePath(session, machine, 'vnc'), ['binary']);
}

/** Throws `Failure` with the server's words. */
function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve());
    onRefusal(socket, reject);
    socket.on('error', (cause) => reject(new Failure(`no screen: ${cause.message}`, { cause })));
  });
}
