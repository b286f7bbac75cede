// Seats of a floating licence, so many on each node: a dimension of one's own.
// As a module:  put it into <data-dir>/dimensions and apply dimension.yaml
// Over HTTP:    node licences.mjs 9000, and spec.url: http://127.0.0.1:9000
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

/** A node without the label has none. */
const seatsOf = ({ labels }) => Number(labels['example.com/licence-seats'] ?? 0);

/** Which seats an instance would get, or how many are missing. Keeps nothing: `held` is all there is. */
export function allocate({ need, nodes }) {
  const asked = Number(need);
  return { nodes: nodes.map((node) => answer(node, asked)) };
}

function answer(node, asked) {
  const seats = seatsOf(node);
  const taken = new Set(node.held.flatMap((piece) => piece.seats));
  const free = Array.from({ length: seats }, (_, i) => i + 1).filter((seat) => !taken.has(seat));
  if (!Number.isInteger(asked) || asked < 1) {
    return {
      name: node.name,
      fits: false,
      reason: 'licence: ask for a whole number of seats',
      missing: 1,
    };
  }
  if (asked > free.length) {
    const missing = asked - free.length;
    return {
      name: node.name,
      fits: false,
      reason: 'Insufficient licence seats',
      asked,
      free: free.length,
      missing,
    };
  }
  return {
    name: node.name,
    fits: true,
    piece: { seats: free.slice(0, asked) },
    count: Math.floor(free.length / asked),
    score: (taken.size + asked) / seats,
  };
}

/** The same over HTTP. */
export function serve(port) {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== 'POST' || request.url !== '/v1/allocate') {
      response.writeHead(404).end();
      return;
    }
    const body = JSON.stringify(allocate(JSON.parse(Buffer.concat(chunks).toString())));
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  return server.listen(port, '127.0.0.1');
}

const [, program, port] = process.argv;
if (port !== undefined && import.meta.url === pathToFileURL(program).href) serve(Number(port));
