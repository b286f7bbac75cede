/** Webhooks as the stored configurations have them, read once per revision of each. */
import { asArray, asObject, asString, objectsOf } from '../../../api/json.ts';
import { fromLabelSelectorObject, type LabelSelector } from '../../../api/label-selector.ts';
import type { JsonObject } from '../../../api/meta.ts';
import { type Condition, compileCondition } from '../../cel/index.ts';
import { type Cached, metaString } from '../../storage/cached.ts';
import { listPrefix } from '../../storage/keys.ts';
import type { WatchCache } from '../../storage/watch-cache.ts';
import { targetOf, type WebhookTarget } from '../../webhook/call.ts';

/** What requests somebody is concerned with. */
export interface Concern {
  readonly rules: readonly HookRule[];
  readonly equivalent: boolean;
  readonly namespaceSelector: LabelSelector;
  readonly objectSelector: LabelSelector;
}

export interface Hook extends Concern {
  readonly configuration: string;
  readonly name: string;
  /** Unique among all webhooks. */
  readonly id: string;
  readonly target: WebhookTarget;
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly reinvocable: boolean;
  readonly conditions: readonly Condition[];
  /** It may be called for requests that must change nothing. */
  readonly dryRun: boolean;
  readonly timeoutMs: number;
  readonly reviewVersion: 'v1' | 'v1beta1';
}

export interface HookRule {
  readonly operations: readonly string[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly scope: string;
  /** Empty = all. */
  readonly resourceNames: readonly string[];
}

/** Lists the webhooks of one kind of configuration, by the configuration's name. */
export class HookSource {
  readonly #cache: WatchCache;
  readonly #prefix: string;
  readonly #read = new WeakMap<Cached, readonly Hook[]>();

  constructor(cache: WatchCache, plural: string) {
    this.#cache = cache;
    this.#prefix = listPrefix({ group: 'admissionregistration.k8s.io', plural }, '');
  }

  get isEmpty(): boolean {
    return this.#configurations().length === 0;
  }

  hooks(): readonly Hook[] {
    return this.#configurations().flatMap((configuration) => this.#hooksOf(configuration));
  }

  #configurations(): readonly Cached[] {
    return this.#cache.list(this.#prefix);
  }

  #hooksOf(configuration: Cached): readonly Hook[] {
    const known = this.#read.get(configuration);
    if (known !== undefined) return known;
    const name = metaString(configuration.object, 'name');
    const hooks = objectsOf(configuration.object['webhooks']).map((each) => hookOf(name, each));
    this.#read.set(configuration, hooks);
    return hooks;
  }
}

/** What is stored has been validated and defaulted. */
function hookOf(configuration: string, webhook: JsonObject): Hook {
  const name = asString(webhook['name']);
  const versions = asArray(webhook['admissionReviewVersions']);
  const spoken = versions.find((version) => version === 'v1' || version === 'v1beta1');
  return {
    configuration,
    name,
    id: `${configuration}/${name}`,
    target: targetOf(asObject(webhook['clientConfig']) ?? {}),
    rules: objectsOf(webhook['rules']).map(ruleOf),
    failurePolicy: webhook['failurePolicy'] === 'Ignore' ? 'Ignore' : 'Fail',
    equivalent: webhook['matchPolicy'] !== 'Exact',
    reinvocable: webhook['reinvocationPolicy'] === 'IfNeeded',
    namespaceSelector: fromLabelSelectorObject(asObject(webhook['namespaceSelector']) ?? {}),
    objectSelector: fromLabelSelectorObject(asObject(webhook['objectSelector']) ?? {}),
    conditions: objectsOf(webhook['matchConditions']).flatMap(conditionOf),
    dryRun: ['None', 'NoneOnDryRun'].includes(asString(webhook['sideEffects'])),
    timeoutMs: Number(webhook['timeoutSeconds'] ?? 10) * 1_000,
    reviewVersion: spoken === 'v1beta1' ? 'v1beta1' : 'v1',
  };
}

export function ruleOf(rule: JsonObject): HookRule {
  const list = (field: string) => asArray(rule[field]).map(asString);
  return {
    operations: list('operations'),
    apiGroups: list('apiGroups'),
    apiVersions: list('apiVersions'),
    resources: list('resources'),
    scope: asString(rule['scope']),
    resourceNames: list('resourceNames'),
  };
}

function conditionOf(condition: JsonObject): readonly Condition[] {
  const compiled = compileCondition(asString(condition['expression']).trim());
  return compiled.ok ? [{ name: asString(condition['name']), program: compiled.program }] : [];
}
