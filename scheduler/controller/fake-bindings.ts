/** The fake apiserver with the paths that the scheduler needs on top: bindings and preemptions, fenced by the lease, and events. For tests. */
import type { Pod, Volume } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { events, pods, vms, volumes } from '../../api/resources.gen.ts';
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

interface Victim {
  readonly resource: 'pods' | 'vms';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly budget: 'Respect' | 'Ignore';
}

interface PreemptionRequest {
  readonly lease: Term;
  readonly items: readonly Victim[];
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

  readonly victims: Victim[] = [];

  override async post<T>(path: string, body?: unknown, options?: CallOptions): Promise<T> {
    const signal = options?.signal ?? new AbortController().signal;
    // Only the scheduler posts here, and it names the type of the answer.
    if (path === '/apis/berth.dev/v1/preemptions') {
      return (await this.#preempt(body as PreemptionRequest, signal)) as T;
    }
    if (path === '/apis/berth.dev/v1/events') {
      const { items } = body as { readonly items: readonly KubeObject[] };
      for (const item of items) await this.create(events, item, { signal });
      return { items: items.map(() => ({})) } as T;
    }
    if (path !== '/apis/berth.dev/v1/bindings') throw new StatusError(404, 'NotFound', path);
    const request = body as BindingRequest;
    this.requests.push(request);
    await this.beforeBinding();
    await this.#checkTerm(request.lease, signal);
    const items: (Binding & { error?: Status })[] = [];
    for (const binding of request.items) items.push(await this.#bind(binding, signal));
    this.afterBinding();
    return { ...request, items } as T;
  }

  async #checkTerm(term: Term, signal: AbortSignal): Promise<void> {
    const { namespace, name, holderIdentity, leaseTransitions } = term;
    const lease = await this.get<Lease>(leases, { namespace, name }, { signal });
    const held =
      lease.spec?.holderIdentity === holderIdentity &&
      lease.spec.leaseTransitions === leaseTransitions;
    if (!held) throw conflict(leases, name, 'the term is over');
  }

  async #preempt(request: PreemptionRequest, signal: AbortSignal): Promise<object> {
    await this.#checkTerm(request.lease, signal);
    const items: object[] = [];
    for (const victim of request.items) {
      const { resource, namespace, name, uid } = victim;
      const key = { namespace, name };
      try {
        this.victims.push(victim);
        const type = 'DisruptionTarget';
        const condition = { type, status: 'True', reason: 'PreemptionByScheduler' };
        const patch = { metadata: { uid }, status: { conditions: [condition] } };
        const status = { subresource: 'status', type: 'merge', signal } as const;
        if (resource === 'pods') await this.patch(pods, key, patch, status);
        const from = resource === 'pods' ? pods : vms;
        await this.delete(from, key, { signal, preconditions: { uid } });
        items.push(victim);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        items.push({ ...victim, error: error.toStatus() });
      }
    }
    return { ...request, items };
  }

  async #bind(binding: Binding, signal: AbortSignal): Promise<Binding & { error?: Status }> {
    const { namespace, name, uid, nodeName, allocation, volumes: claimed = [] } = binding;
    try {
      const pod = await this.get<Pod>(pods, { namespace, name }, { signal });
      const isLate = allocation === undefined && pod.spec.nodeName === nodeName;
      if (pod.metadata.uid !== uid || (pod.spec.nodeName !== undefined && !isLate)) {
        throw conflict(pods, name, `pod ${name} is already assigned to a node`);
      }
      const annotations = {
        ...pod.metadata.annotations,
        ...(isLate ? {} : { 'berth.dev/allocation': JSON.stringify(allocation) }),
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
