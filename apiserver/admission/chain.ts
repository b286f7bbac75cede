/** The plugins of one server, asked in order: all of one phase before any of the next. */
import type { JsonObject } from '../../api/meta.ts';
import type { WriteResult } from '../storage/object-store.ts';
import type { AdmissionPlugin, Attributes, Write } from './plugin.ts';

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** Whether anybody wants to see this request. */
  handles(attributes: Attributes): boolean {
    return this.#plugins.some((plugin) => plugin.handles(attributes));
  }

  /** The changed object, or `undefined` when it stays as it is. Throws what a plugin refuses with. */
  async mutate(
    attributes: Attributes,
    object: JsonObject | undefined,
  ): Promise<JsonObject | undefined> {
    const first = await this.#pass(attributes, object);
    if (!attributes.reinvocation.wanted) return first;
    attributes.reinvocation.isSecond = true;
    return (await this.#pass(attributes, first ?? object)) ?? first;
  }

  async #pass(
    attributes: Attributes,
    object: JsonObject | undefined,
  ): Promise<JsonObject | undefined> {
    let changed: JsonObject | undefined;
    for (const plugin of this.#plugins) {
      if (plugin.mutate === undefined || !plugin.handles(attributes)) continue;
      changed = (await plugin.mutate(attributes, changed ?? object)) ?? changed;
    }
    return changed;
  }

  /** Throws what a plugin refuses with. */
  async validate(attributes: Attributes, object: JsonObject | undefined): Promise<void> {
    for (const plugin of this.#plugins)
      if (plugin.validate !== undefined && plugin.handles(attributes))
        await plugin.validate(attributes, object);
  }

  /** Writes a new or changed object, with what plugins want to have stored together with it. */
  commit(attributes: Attributes, object: JsonObject, write: Write): Promise<WriteResult> {
    return this.#plugins.reduce((inner, plugin): Write => {
      const { commit } = plugin;
      if (commit === undefined || !plugin.handles(attributes)) return inner;
      return (outer) => commit(attributes, object, (own) => inner([...outer, ...own]));
    }, write)([]);
  }
}
