/** The fake apiserver with the one path that the scheduler needs on top: bindings, fenced by the lease. For tests. */
import type { Pod, Volume } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { pods, volumes } from '../../api/resources.gen.ts';
import { conflict, type Status, StatusError } from '../../api/status.ts';
import type { CallOptions } from '../../lib/call.ts';
import { FakeApi } from '../../test/harness/fake-api.ts';
import type { Binding, Term } from './binder.ts';

const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  resource: 'leases',
  kind: 'Lease',
  namespaced: true,
};

interface BindingRequest {
  readonly lease: Term;
  readonly items: readonly Binding[];
}

interface Lease extends KubeObject {
  readonly spec?: { readonly holderIdentity?: string; readonly leaseTransitions?: number };
}

export class FakeBindingApi extends FakeApi {
  readonly requests: BindingRequest[] = [];
  /** Runs before bindings are written; what it throws, the post throws. */
  beforeBinding: () => void | Promise<void> = () => {};
  /** Runs after bindings are written: what it throws, the client sees in place of the answer. */
  afterBinding: () => void = () => {};

  override async post<T>(path: string, body?: unknown, options?: CallOptions): Promise<T> {
    if (path !== '/apis/berth.dev/v1/bindings') throw new StatusError(404, 'NotFound', path);
    // Only the scheduler posts here.
    const request = body as BindingRequest;
    this.requests.push(request);
    await this.beforeBinding();
    const signal = options?.signal ?? new AbortController().signal;
    const { namespace, name, holderIdentity, leaseTransitions } = request.lease;
    const lease = await this.get<Lease>(leases, { namespace, name }, { signal });
    const held =
      lease.spec?.holderIdentity === holderIdentity &&
      lease.spec.leaseTransitions === leaseTransitions;
    if (!held) throw conflict(leases, name, 'the term is over');
    const items: (Binding & { error?: Status })[] = [];
    for (const binding of request.items) items.push(await this.#bind(binding, signal));
    this.afterBinding();
    return { ...request, items } as T; // The caller names the type of the answer.
  }

  async #bind(binding: Binding, signal: AbortSignal): Promise<Binding & { error?: Status }> {
    const { namespace, name, uid, nodeName, allocation, volumes: claimed = [] } = binding;
    try {
      const pod = await this.get<Pod>(pods, { namespace, name }, { signal });
      if (pod.metadata.uid !== uid || pod.spec.nodeName !== undefined) {
        throw conflict(pods, name, `pod ${name} is already assigned to a node`);
      }
      const annotations = {
        ...pod.metadata.annotations,
        'berth.dev/allocation': JSON.stringify(allocation),
      };
      const bound = {
        ...pod,
        metadata: { ...pod.metadata, annotations },
        spec: { ...pod.spec, nodeName },
      };
      await this.update(pods, bound, { signal });
      for (const { name: volume, disk } of claimed) {
        const key = { namespace, name: volume };
        const now = await this.get<Volume>(volumes, key, { signal });
        const place = disk === undefined ? {} : { nodeName, allocation: { disk } };
        const placed = { ...now, spec: { ...now.spec, ...place } };
        const holder = { kind: 'Pod', name, uid };
        const status = { ...now.status, holder };
        const { metadata } = await this.update<Volume>(volumes, placed, { signal });
        const held = { ...placed, metadata, status };
        await this.update(volumes, held, { signal, subresource: 'status' });
      }
      return binding;
    } catch (error) {
      if (error instanceof StatusError) return { ...binding, error: error.toStatus() };
      throw error;
    }
  }
}
