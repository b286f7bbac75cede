/**
 * `events.k8s.io/v1`: the same objects as the core group's Events, with newer names for some fields. Stored is
 * the older form. Source: Kubernetes pkg/apis/events/v1 `conversion.go`, and api/events/v1 for numbers and names.
 */
import type { JsonObject } from '../../api/meta.ts';
import type { KindDefinition, Schema } from '../../api/schema.ts';
import type { StoredAs } from '../registry/served-kind.ts';

const group = 'events.k8s.io';
const newVersion = `${group}/v1`;

/** Older name, newer name, number of the newer one in protobuf; in the order of the newer form. */
const fields: readonly (readonly [older: string, newer: string, number: number])[] = [
  ['metadata', 'metadata', 1],
  ['eventTime', 'eventTime', 2],
  ['series', 'series', 3],
  ['reportingComponent', 'reportingController', 4],
  ['reportingInstance', 'reportingInstance', 5],
  ['action', 'action', 6],
  ['reason', 'reason', 7],
  ['involvedObject', 'regarding', 8],
  ['related', 'related', 9],
  ['message', 'note', 10],
  ['type', 'type', 11],
  ['source', 'deprecatedSource', 12],
  ['firstTimestamp', 'deprecatedFirstTimestamp', 13],
  ['lastTimestamp', 'deprecatedLastTimestamp', 14],
  ['count', 'deprecatedCount', 15],
];

export const eventsStoredAs: StoredAs = {
  place: { group: '', plural: 'events' },
  toStored(event) {
    if (event['apiVersion'] !== newVersion) return event;
    const stored: JsonObject = { ...typeOf(event, 'v1') };
    for (const [older, newer] of fields) {
      const value = event[newer];
      if (value !== undefined) stored[older] = value;
    }
    // In the older form the two are always there.
    stored['reportingComponent'] ??= '';
    stored['reportingInstance'] ??= '';
    return stored;
  },
  fromStored(stored) {
    if (stored['apiVersion'] === newVersion) return stored;
    const event: JsonObject = { ...typeOf(stored, newVersion) };
    for (const [older, newer] of fields) {
      const value = stored[older];
      const empty = value === '' || (older === 'source' && isEmpty(value));
      if (value !== undefined && !empty) event[newer] = value;
    }
    return event;
  },
};

function typeOf({ kind = 'Event' }: JsonObject, apiVersion: string): JsonObject {
  return { kind, apiVersion };
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** The kind in the newer group, made from that of the core group. */
export function newerEvents(core: KindDefinition): KindDefinition {
  return {
    ...core,
    group,
    versions: core.versions.map((version) => ({
      ...version,
      schema: { openAPIV3Schema: newerSchema(version.schema.openAPIV3Schema) },
    })),
    'x-berth-proto-message': 'k8s.io.api.events.v1.Event',
  };
}

function newerSchema(schema: Schema): Schema {
  const { apiVersion, kind, ...older } = schema.properties ?? {};
  const renamed = fields.map(([from, to, number]): [string, Schema] => {
    const { default: _none, ...part } = older[from] ?? {};
    return [to, { ...part, ...nested(from), 'x-berth-proto': number }];
  });
  return {
    ...schema,
    'x-berth-definition': 'io.k8s.api.events.v1.Event',
    properties: {
      ...(apiVersion && { apiVersion }),
      ...(kind && { kind }),
      ...Object.fromEntries(renamed),
    },
  };
}

function nested(field: string): Schema {
  return field === 'series' ? { 'x-berth-definition': 'io.k8s.api.events.v1.EventSeries' } : {};
}
