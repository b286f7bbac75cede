/** A WebSocket to the server, as whoever the kubeconfig says. */
import { WebSocket } from 'ws';
import type { Kubeconfig } from '../../client/kubeconfig.ts';
import { Failure } from '../failure.ts';

export function openSocket(
  { server, ca, cert, key, token, insecure }: Kubeconfig,
  path: string,
  protocols: string[],
): WebSocket {
  return new WebSocket(server.replace(/^http/, 'ws') + path, protocols, {
    perMessageDeflate: false,
    rejectUnauthorized: !insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
}

/** Calls once, with the server's words, when it answers with anything but an upgrade. */
export function onRefusal(socket: WebSocket, refused: (failure: Failure) => void): void {
  socket.on('unexpected-response', (_request, answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      refused(refusal(answer.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')));
      socket.terminate();
    });
  });
}

function refusal(code: number, text: string): Failure {
  try {
    const { message } = JSON.parse(text) as { message?: string }; // Checked right here.
    if (message !== undefined) return new Failure(message);
  } catch {
    // Not JSON: told as it is.
  }
  return new Failure(text.trim() || `the server refused it with code ${code}`);
}
