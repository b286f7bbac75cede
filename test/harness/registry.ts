/** A small image registry (distribution API v2) that can want a password, be slow, fail and drop connections. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import Docker from 'dockerode';
import { tar } from '../../runtime/docker/tar.ts';

const types = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** What is smaller is a configuration, not a layer. */
const heldMinBytes = 10_000;

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export class TestRegistry {
  /** `user:password`; nobody is asked when absent. */
  password: string | undefined;
  /** Layers are sent to half and held there until `release`. */
  held = false;
  /** So many of the next requests for manifests are answered with 500. */
  failures = 0;
  /** Connections of layers are cut in the middle. */
  drops = false;
  /** `GET /v2/app/manifests/1`, in order, of those that were let in. */
  readonly requests: string[] = [];
  /** Layers under way. */
  sending = 0;
  readonly #server: Server;
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, Buffer>();
  readonly #images: string[] = [];
  #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<TestRegistry> {
    const registry = new TestRegistry();
    registry.#server.listen(0, '127.0.0.1');
    await once(registry.#server, 'listening');
    return registry;
  }

  get host(): string {
    // A server that listens on a port has an address with one.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Offers an image that the engine cannot have yet; answers its whole name. It holds no program. */
  add(options: { readonly user?: string; readonly layerBytes?: number } = {}): string {
    const content = randomBytes(options.layerBytes ?? 1000);
    const layer = tar([{ path: 'data', content }]);
    const packed = gzipSync(layer, { level: 0 });
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { User: options.user ?? '' },
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      }),
    );
    const blob = (mediaType: string, bytes: Buffer) => {
      this.#blobs.set(digestOf(bytes), bytes);
      return { mediaType, size: bytes.length, digest: digestOf(bytes) };
    };
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: blob(types.config, config),
        layers: [blob(types.layer, packed)],
      }),
    );
    const name = `app-${randomUUID().slice(0, 8)}`;
    this.#manifests.set(`${name}:1`, manifest);
    this.#manifests.set(`${name}:${digestOf(manifest)}`, manifest);
    this.#images.push(`${this.host}/${name}:1`);
    return `${this.host}/${name}:1`;
  }

  release(): void {
    this.held = false;
    for (const go of this.#waiting) go();
    this.#waiting = [];
  }

  /** Ends it, and takes what it gave out of the engine. */
  async stop(): Promise<void> {
    this.release();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    const docker = new Docker({ socketPath: '/var/run/docker.sock' });
    for (const image of this.#images) {
      await docker
        .getImage(image)
        .remove({ force: true })
        .catch(() => undefined);
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    const basic = Buffer.from(this.password ?? '').toString('base64');
    const [, name = '', kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    if (this.password !== undefined && headers.authorization !== `Basic ${basic}`) {
      response.setHeader('WWW-Authenticate', 'Basic realm="test"');
      error(response, 401, 'UNAUTHORIZED', 'authentication required');
    } else if (kind === undefined) {
      response.writeHead(url === '/v2/' ? 200 : 404).end('{}');
    } else {
      this.requests.push(`${method} ${url}`);
      if (kind === 'manifests') this.#manifest(method, `${name}:${reference}`, response);
      else this.#blob(method, reference, response);
    }
  }

  #manifest(method: string, key: string, response: ServerResponse): void {
    const manifest = this.#manifests.get(key);
    if (this.failures > 0) {
      this.failures -= 1;
      error(response, 500, 'UNKNOWN', 'the registry is out of order');
    } else if (manifest === undefined) {
      error(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    } else {
      response.writeHead(200, {
        'Content-Type': types.manifest,
        'Content-Length': manifest.length,
        'Docker-Content-Digest': digestOf(manifest),
      });
      response.end(method === 'HEAD' ? undefined : manifest);
    }
  }

  #blob(method: string, digest: string, response: ServerResponse): void {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) {
      error(response, 404, 'BLOB_UNKNOWN', 'blob unknown');
      return;
    }
    const half = blob.length >> 1;
    response.writeHead(200, { 'Content-Length': blob.length });
    if (method === 'HEAD') response.end();
    else if (this.drops) response.write(blob.subarray(0, half), () => response.destroy());
    else if (!this.held || half < heldMinBytes) response.end(blob);
    else {
      this.sending += 1;
      response.on('close', () => {
        this.sending -= 1;
      });
      response.write(blob.subarray(0, half));
      this.#waiting.push(() => response.end(blob.subarray(half)));
    }
  }
}

function error(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
