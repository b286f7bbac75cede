/**
 * An admission webhook: Workloads get a label `team`, and images must say their tag.
 * Run: npx tsx webhook.ts key.pem cert.pem 9443
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { pathToFileURL } from 'node:url';

interface Review {
  readonly request: {
    readonly uid: string;
    readonly namespace?: string;
    readonly object: Workload;
  };
}

interface Workload {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { name: string; image?: string }[] };
    };
  };
}

type Answer = Readonly<Record<string, unknown>>;

/** Adds the label where there is none; the team is named as the namespace. */
function mutate({ request: { object, namespace = '' } }: Review): Answer {
  const { labels } = object.metadata;
  if (labels?.['team'] !== undefined) return { allowed: true };
  const patch =
    labels === undefined
      ? [{ op: 'add', path: '/metadata/labels', value: { team: namespace } }]
      : [{ op: 'add', path: '/metadata/labels/team', value: namespace }];
  return {
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
  };
}

function validate({ request: { object } }: Review): Answer {
  const containers = object.spec?.template?.spec?.containers ?? [];
  const untagged = containers.filter(
    ({ image }) => image !== undefined && !/[:@][^/]+$/.test(image),
  );
  if (untagged.length === 0) return { allowed: true };
  const names = untagged.map(({ name }) => name).join(', ');
  return {
    allowed: false,
    status: { code: 403, message: `say the tag of the image of: ${names}` },
  };
}

const handlers: Readonly<Record<string, (review: Review) => Answer>> = {
  '/mutate': mutate,
  '/validate': validate,
};

export function createWebhook(key: string, cert: string): Server {
  return createServer({ key, cert }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname } = new URL(request.url ?? '/', 'https://webhook');
    const handler = handlers[pathname];
    if (handler === undefined) return response.writeHead(404).end();
    const review: Review = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const answer = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: review.request.uid, ...handler(review) },
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [keyFile = 'key.pem', certFile = 'cert.pem', port = '9443'] = process.argv.slice(2);
  const server = createWebhook(readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8'));
  server.listen(Number(port), '127.0.0.1');
}
