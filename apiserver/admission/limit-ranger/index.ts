/** Pods get the defaults of their namespace's LimitRanges, and must keep within their bounds. */
import { forbidden } from '../../../api/status.ts';
import { listPrefix } from '../../storage/keys.ts';
import type { WatchCache } from '../../storage/watch-cache.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { boundErrors } from './bounds.ts';
import { withDefaults } from './defaults.ts';

const limitRanges = { group: '', plural: 'limitranges' };

export function limitRanger(cache: Pick<WatchCache, 'list'>): AdmissionPlugin {
  const rangesOf = (namespace: string) =>
    cache.list(listPrefix(limitRanges, namespace)).map(({ object }) => object);
  return {
    name: 'LimitRanger',
    // What a pod asks for cannot change, so that updates need no look.
    handles: ({ operation, served, subresource, namespace }) =>
      operation === 'CREATE' &&
      served.group === '' &&
      served.plural === 'pods' &&
      subresource === '' &&
      cache.list(listPrefix(limitRanges, namespace)).length > 0,
    mutate: ({ namespace }, pod) =>
      pod === undefined ? undefined : withDefaults(pod, rangesOf(namespace)),
    validate(attributes, pod) {
      if (pod === undefined) return;
      const errors = boundErrors(pod, rangesOf(attributes.namespace));
      if (errors.length > 0) throw refusal(attributes, errors);
    },
  };
}

function refusal({ served, name }: Attributes, errors: readonly string[]): Error {
  const why = errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]`;
  return forbidden({ group: served.group, resource: served.plural }, name, why);
}
