/** What a plugin of the admission chain is, and what it is told of a request. */
import type { JsonObject } from '../../api/meta.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { UserInfo } from '../request/request.ts';
import type { GuardedWrite, WriteResult } from '../storage/object-store.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A request as admission judges it. Source: Kubernetes apiserver/pkg/admission/interfaces.go. */
export interface Attributes {
  readonly operation: Operation;
  /** What the object is: of `pods/eviction` a policy/v1 Eviction. */
  readonly kind: GroupVersionKind;
  /** The kind that the URL names, in the version that it names. */
  readonly served: ServedKind;
  readonly subresource: string;
  /** Empty where there is none; of a Namespace its own name, but when it is created. */
  readonly namespace: string;
  /** Empty while it is to be generated, and for each object of a collection that is deleted. */
  readonly name: string;
  /** As the URL has it: empty for a POST to a collection. */
  readonly requestName: string;
  readonly user: UserInfo;
  /** `CreateOptions` and its like, with the type; `undefined` for CONNECT. */
  readonly options: JsonObject | undefined;
  readonly dryRun: boolean;
  /** What is stored, in the request's version; absent for CREATE and CONNECT. */
  readonly old: JsonObject | undefined;
  readonly signal: AbortSignal;
  /** Texts for the `Warning` header; plugins append. */
  readonly warnings: string[];
  /** Adds to the audit event of the request; the first value of a key stays. */
  annotate(key: string, value: string): void;
  readonly reinvocation: Reinvocation;
}

/** What the passes of the mutating phase over one object tell each other. */
export interface Reinvocation {
  /** Plugins set it to have all of them asked once more. */
  wanted: boolean;
  /** This is the second pass; there is no third. */
  isSecond: boolean;
}

/**
 * One judge of writes. It throws a `StatusError` to refuse (`forbidden` of `api/status.ts` for a policy). A
 * guarded write that is overtaken is judged again, on what is stored by then: nothing may rely on being
 * asked once.
 */
export interface AdmissionPlugin {
  /** As Kubernetes calls it: `ResourceQuota`. */
  readonly name: string;
  /** Asked first, for every write: cheap, and without effect. */
  handles(attributes: Attributes): boolean;
  /**
   * Before the object is defaulted and validated. Returns a changed copy, or `undefined` to leave it as
   * it is; what it is given must stay as it is. `object` is `undefined` for DELETE only.
   */
  mutate?(
    attributes: Attributes,
    object: JsonObject | undefined,
  ): Awaitable<JsonObject | undefined>;
  /** Of the object as it would be stored, in the request's version. */
  validate?(attributes: Attributes, object: JsonObject | undefined): Awaitable<void>;
  /**
   * Around the write of a new object, or a changed one, after all have validated it: what is passed to `write` is stored in
   * the same transaction, or neither is. May be done again after `raced`; throws to refuse.
   */
  commit?(attributes: Attributes, object: JsonObject, write: Write): Promise<WriteResult>;
}

/** Stores the object, and `beside` with it; `raced` when any of them has changed meanwhile. */
export type Write = (beside: readonly GuardedWrite[]) => Promise<WriteResult>;

type Awaitable<T> = T | Promise<T>;
