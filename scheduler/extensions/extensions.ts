/** The dimensions of one engine: those of Berth, and those that `Dimension` objects name, until one of these changes. */
import type { Dimension as DimensionObject } from '../../api/kinds.gen.ts';
import { dimensions as resource } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { type Dimensions, dimensionsOf, withDimensions } from '../dimensions/built-in.ts';
import { ExternalDimension } from './external-dimension.ts';
import { httpAsker } from './http-asker.ts';
import { type Asker, ProtocolError } from './protocol.ts';
import { workerAsker } from './worker-asker.ts';

export interface ExtensionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where a module of the server's directory `dimensions` is; absent: there are none. */
  readonly moduleUrl?: ((name: string) => string) | undefined;
}

export interface Extensions {
  readonly dimensions: Dimensions;
  /** Aborts when they are no longer those of the objects: an engine has to be made anew. */
  readonly changed: AbortSignal;
  stop(): Promise<void>;
}

/** More are not asked, with a line in the log. */
const dimensionsMax = 50;

const defaultTimeoutSeconds = 2;

export async function openExtensions(
  options: ExtensionOptions,
  signal: AbortSignal,
): Promise<Extensions> {
  const informer = createInformer<DimensionObject>(options.client, resource, options);
  const changed = new AbortController();
  informer.start();
  try {
    await informer.untilSynced({ signal });
  } catch (error) {
    await informer.stop();
    throw error;
  }
  const objects = informer.list();
  const before = keyOf(objects);
  const subscription = informer.events.subscribe(({ type }) => {
    if (type === 'init' || type === 'initApply') return;
    if (keyOf(informer.list()) !== before) changed.abort(new Error('the dimensions have changed'));
  });
  const external = externalOf(objects, options);
  return {
    dimensions: withDimensions(external),
    changed: changed.signal,
    async stop() {
      subscription.unsubscribe();
      await informer.stop();
      await Promise.all(external.map((each) => each.close()));
    },
  };
}

function keyOf(objects: readonly DimensionObject[]): string {
  const all = objects.map(({ metadata, spec }) => JSON.stringify([metadata.name, spec]));
  return all.sort().join('\n');
}

function externalOf(
  objects: readonly DimensionObject[],
  options: ExtensionOptions,
): readonly ExternalDimension[] {
  const { clock, log } = options;
  const own = dimensionsOf();
  const external: ExternalDimension[] = [];
  for (const { metadata, spec } of objects) {
    const { name = '' } = metadata;
    if (own.structured.has(name) || own.scalar.some((each) => each.name === name)) {
      log.error({ dimension: name }, 'a dimension of this name is built in: the object is ignored');
    } else if (external.length >= dimensionsMax) {
      log.error({ dimension: name, most: dimensionsMax }, 'too many dimensions: it is ignored');
    } else {
      const timeoutMs = 1000 * (spec.timeoutSeconds ?? defaultTimeoutSeconds);
      const asker = askerFor(spec, options);
      external.push(new ExternalDimension({ name, asker, timeoutMs, clock }));
    }
  }
  return external;
}

/** What cannot be asked says so whenever it is asked. */
function askerFor(
  { url, caBundle, module = '' }: DimensionObject['spec'],
  { moduleUrl }: ExtensionOptions,
): Asker {
  if (url !== undefined) {
    const ca = caBundle && Buffer.from(caBundle, 'base64').toString('utf8');
    return httpAsker(url, { ca });
  }
  if (moduleUrl !== undefined) return workerAsker(moduleUrl(module));
  const error = new ProtocolError('this server loads no modules');
  return { ask: () => Promise.reject(error) };
}
