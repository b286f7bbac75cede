/** The dimensions of one engine: those of Berth, and those that `Dimension` objects name, until one of these changes. */
import type { Dimension as DimensionObject } from '../../api/kinds.gen.ts';
import { dimensions as resource } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { type Dimensions, dimensionsOf, withDimensions } from '../dimensions/built-in.ts';
import { type DimensionModule, httpAsker, moduleAsker } from './askers.ts';
import { ExternalDimension } from './external-dimension.ts';
import { type Asker, ProtocolError } from './protocol.ts';

export interface ExtensionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A module of the server's directory `dimensions`, as it is now; absent: there are none. */
  readonly loadModule?: ((name: string) => Promise<Partial<DimensionModule>>) | undefined;
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
  return {
    dimensions: await dimensionsFor(objects, options),
    changed: changed.signal,
    async stop() {
      subscription.unsubscribe();
      await informer.stop();
    },
  };
}

function keyOf(objects: readonly DimensionObject[]): string {
  const all = objects.map(({ metadata, spec }) => JSON.stringify([metadata.name, spec]));
  return all.sort().join('\n');
}

async function dimensionsFor(
  objects: readonly DimensionObject[],
  options: ExtensionOptions,
): Promise<Dimensions> {
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
      const asker = await askerFor(spec, options);
      external.push(new ExternalDimension({ name, asker, timeoutMs, clock }));
    }
  }
  return withDimensions(external);
}

/** What cannot be asked says so whenever it is asked. */
async function askerFor(
  { url, module = '' }: DimensionObject['spec'],
  { loadModule }: ExtensionOptions,
): Promise<Asker> {
  if (url !== undefined) return httpAsker(url);
  try {
    if (loadModule === undefined) throw new ProtocolError('this server loads no modules');
    return moduleAsker(await loadModule(module));
  } catch (error) {
    return { ask: () => Promise.reject(error) };
  }
}
