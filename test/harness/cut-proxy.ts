import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on this machine whose connections a test can cut. */
export interface CutProxy {
  /** `127.0.0.1:port` to connect to. */
  readonly endpoint: string;
  /** How many connections were made so far. */
  readonly connections: number;
  /** Breaks all connections at once, as a failing network does; new ones may be made. */
  cut(): void;
  /** Breaks every connection that carried `bytes` towards the client, until told otherwise. */
  cutAfterBytes(bytes: number | undefined): void;
  /** Keeps connections open but lets nothing through in either direction. */
  freeze(isFrozen: boolean): void;
  close(): Promise<void>;
}

/** Listens on a free port and passes everything on to `target` (`host:port`). */
export async function startCutProxy(target: string): Promise<CutProxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let limitBytes: number | undefined;
  let isFrozen = false;
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connect(Number(port), host);
    let bytes = 0;
    const end = () => {
      near.destroy();
      far.destroy();
      sockets.delete(near);
      sockets.delete(far);
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', end).on('close', end);
      from.on('data', (chunk) => {
        if (isFrozen) return;
        if (from === far) bytes += chunk.length;
        if (limitBytes !== undefined && bytes > limitBytes) end();
        else to.write(chunk);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of [...sockets]) socket.destroy();
  };
  return {
    // A TCP server's address is always of this shape.
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    cut,
    cutAfterBytes(bytes) {
      limitBytes = bytes;
    },
    freeze(frozen) {
      isFrozen = frozen;
    },
    close() {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
