/** What the verbs work with; made once by `apiserver/server.ts`. */

import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { AdmissionChain } from '../admission/index.ts';
import type { AccessDeps } from '../auth/escalation.ts';
import type { TokenIssuer } from '../auth/service-account-token.ts';
import type { Converter } from '../custom/converter.ts';
import type { Registry } from '../registry/registry.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request/request.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export interface VerbDeps extends AccessDeps {
  readonly objects: ObjectStore;
  readonly registry: Registry;
  readonly admission: AdmissionChain;
  readonly converter: Converter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of service accounts' tokens. */
  readonly issuer: TokenIssuer;
}

/** A request whose kind is known. */
export interface KindRequest extends RequestContext {
  readonly kind: ServedKind;
  /** What the URL says, where a subresource is written as if it were another (`approval` as `status`). */
  readonly askedSubresource?: string;
}

/** RFC 3339 with whole seconds, as metadata carries times. */
export function timestamp(clock: Pick<Clock, 'now'>): string {
  return new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
}
