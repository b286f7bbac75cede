/** `GET /portForward/…` upgraded to a WebSocket, in either of the two ways that clients speak. */
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { checkForwardable, createDial } from './pod-port.ts';
import { servePortChannels } from './port-channels.ts';
import type { LocatedPod } from './target.ts';
import { serveTunnel } from './tunnel.ts';
import { goneSignal, messageMaxBytes, readProtocols, type Upgrade } from './websocket.ts';

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
const channelProtocols = ['v4.channel.k8s.io', 'portforward.k8s.io'];
/** In one request; a tunnel names them later, one by one. */
const portsMax = 64;

export interface PortForwardUpgrade {
  (target: LocatedPod, upgrade: Upgrade): Promise<void>;
  /** Cuts all connections. */
  closeAll(): void;
}

export function createPortForwardUpgrade(options: {
  readonly log: Log;
  readonly clock: Clock;
}): PortForwardUpgrade {
  const { log, clock } = options;
  const common = { noServer: true, maxPayload: messageMaxBytes, perMessageDeflate: false };
  const channels = new WebSocketServer({
    ...common,
    handleProtocols: (offered) => channelProtocols.find((each) => offered.has(each)) ?? false,
  });
  const tunnels = new WebSocketServer(common);
  // The library takes the slash for a mistake, so it must neither see the name nor say it.
  tunnels.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`));
  const upgrade = async (target: LocatedPod, { request, socket, head }: Upgrade): Promise<void> => {
    await checkForwardable(target);
    const isTunnel = choose(request) === 'tunnel';
    const ports = isTunnel ? [] : readPorts(request);
    const dial = createDial(target);
    const serve = async (client: WebSocket): Promise<void> => {
      const signal = goneSignal(client, clock);
      if (isTunnel) await serveTunnel(client, dial, signal);
      else await servePortChannels(client, ports, dial, signal);
    };
    if (isTunnel) delete request.headers['sec-websocket-protocol'];
    (isTunnel ? tunnels : channels).handleUpgrade(request, socket, head, (client) => {
      void serve(client).catch((error) => {
        log.warn({ err: error, pod: target.pod.metadata.name }, 'port-forward failed');
        client.terminate();
      });
    });
  };
  return Object.assign(upgrade, {
    closeAll: () => {
      for (const client of [...tunnels.clients, ...channels.clients]) client.terminate();
    },
  });
}

function choose(request: IncomingMessage): 'tunnel' | 'channels' {
  const offered = readProtocols(request, '1.31');
  if (offered.includes(tunnelProtocol)) return 'tunnel';
  if (offered.some((each) => channelProtocols.includes(each))) return 'channels';
  const known = [tunnelProtocol, ...channelProtocols].join(', ');
  throw badRequest(`the WebSocket subprotocol must be one of: ${known}`);
}

function readPorts(request: IncomingMessage): readonly number[] {
  const query = new URL(request.url ?? '/', 'https://node').searchParams;
  const words = query.getAll('ports').flatMap((each) => each.split(','));
  if (words.length === 0) throw badRequest('query parameter "ports" is required');
  if (words.length > portsMax) throw badRequest(`no more than ${portsMax} ports at once`);
  return words.map((word) => {
    const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
    if (port < 1 || port > 65_535) throw badRequest(`ports must be from 1 to 65535: "${word}"`);
    return port;
  });
}
