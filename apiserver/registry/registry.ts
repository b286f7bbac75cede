/** All kinds that are served right now: the built-in ones and those of CustomResourceDefinitions. */
import type { KindDefinition, Schema } from '../../api/schema.ts';
import type { Strategy } from '../kinds/strategy.ts';
import { kindId, type ServedKind, type StoredAs, servedKinds } from './served-kind.ts';

export interface RegistryOptions {
  readonly builtin: readonly KindDefinition[];
  readonly metadataSchema: Schema;
  /** By `plural.group`; custom kinds of Berth's own may have one too. */
  readonly strategies: Readonly<Record<string, Strategy>>;
  /** By the same ids: kinds that are stored as another one. */
  readonly storedAs?: Readonly<Record<string, StoredAs>>;
  readonly ignoredFields: Readonly<Record<string, readonly string[]>>;
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #byId = new Map<string, readonly ServedKind[]>();
  readonly #byPath = new Map<string, ServedKind>();
  /** What each custom kind was made from, so that a change of its status alone changes nothing. */
  readonly #definitions = new Map<string, string>();
  #generation = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    for (const definition of options.builtin) this.#set(definition, true);
  }

  /** Goes up with every change; discovery and OpenAPI documents are built once per generation. */
  get generation(): number {
    return this.#generation;
  }

  find(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  findKind(group: string, version: string, kind: string): ServedKind | undefined {
    for (const kinds of this.#byId.values())
      for (const each of kinds)
        if (each.group === group && each.version === version && each.kind === kind) return each;
    return undefined;
  }

  hasGroupVersion(group: string, version: string): boolean {
    return this.all().some((kind) => kind.group === group && kind.version === version);
  }

  /** Every kind in every served version. */
  all(): ServedKind[] {
    return [...this.#byId.values()].flat();
  }

  /** Adds a custom kind or replaces it; one that is `terminating` takes no new objects. */
  setCustom(definition: KindDefinition, { terminating = false } = {}): void {
    const id = kindId(definition.group, definition.names.plural);
    const text = JSON.stringify({ definition, terminating });
    if (this.#definitions.get(id) === text) return;
    this.#set(definition, false, terminating);
    this.#definitions.set(id, text);
  }

  removeCustom(group: string, plural: string): void {
    this.#drop(kindId(group, plural));
    this.#definitions.delete(kindId(group, plural));
    this.#generation += 1;
  }

  /** Whether a custom kind of that id is being served. */
  hasCustom(group: string, plural: string): boolean {
    return this.#byId.get(kindId(group, plural))?.some((kind) => !kind.builtin) ?? false;
  }

  #set(definition: KindDefinition, builtin: boolean, terminating = false): void {
    const id = kindId(definition.group, definition.names.plural);
    const { strategies, ignoredFields, metadataSchema, storedAs = {} } = this.#options;
    const strategy = strategies[id];
    const kinds = servedKinds({
      definition,
      builtin,
      metadataSchema,
      strategy: strategy ?? (builtin ? strategies['*'] : undefined),
      ignoredFields: ignoredFields[id],
      storedAs: builtin ? storedAs[id] : undefined,
      terminating,
    });
    this.#drop(id);
    this.#byId.set(id, kinds);
    for (const kind of kinds)
      this.#byPath.set(`${kind.group}/${kind.version}/${kind.plural}`, kind);
    this.#generation += 1;
  }

  #drop(id: string): void {
    for (const kind of this.#byId.get(id) ?? [])
      this.#byPath.delete(`${kind.group}/${kind.version}/${kind.plural}`);
    this.#byId.delete(id);
  }
}
