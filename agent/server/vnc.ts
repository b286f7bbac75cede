/** `GET /vnc/…` upgraded to a WebSocket: the bytes of a machine's screen (RFB) in binary messages, as noVNC has them. */
import { type Duplex, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { badRequest } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { statusOfRuntime } from './runtime-status.ts';
import type { LocatedPod } from './target.ts';
import { goneSignal, messageMaxBytes, readProtocols, type Upgrade } from './websocket.ts';

/** noVNC's, and that of KubeVirt's clients; none is as good. */
const protocols = ['binary', 'plain.kubevirt.io'];

export interface VncUpgrade {
  (target: LocatedPod, upgrade: Upgrade): Promise<void>;
  /** Cuts all connections. */
  closeAll(): void;
}

export function createVncUpgrade({ log, clock }: { log: Log; clock: Clock }): VncUpgrade {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: messageMaxBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
  });
  const upgrade = async (
    { runtime, id, pod }: LocatedPod,
    { request, socket, head }: Upgrade,
  ): Promise<void> => {
    readProtocols(request, '1.30');
    if (runtime.machines === undefined) throw badRequest('only virtual machines have a screen');
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    let screen: Duplex;
    try {
      screen = await runtime.machines.openScreen(id, { signal: gone.signal });
    } catch (error) {
      throw statusOfRuntime(error);
    }
    server.handleUpgrade(request, socket, head, (client) => {
      goneSignal(client, clock);
      const stream = createWebSocketStream(client);
      const ended = Promise.all([
        pipeline(screen, new PassThrough(), stream),
        pipeline(stream, new PassThrough(), screen),
      ]);
      ended
        .catch((error) => log.debug({ err: error, vm: pod.metadata.name }, 'screen left'))
        .finally(() => {
          screen.destroy();
          client.terminate();
        });
    });
  };
  return Object.assign(upgrade, {
    closeAll: () => {
      for (const client of server.clients) client.terminate();
    },
  });
}
