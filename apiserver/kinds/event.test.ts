import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { builtinKinds } from '../../crds/index.ts';
import { eventStrategy, newerEventStrategy } from './event.ts';
import { eventsStoredAs, newerEvents } from './event-forms.ts';

const newer: JsonObject = {
  kind: 'Event',
  apiVersion: 'events.k8s.io/v1',
  metadata: { name: 'e', namespace: 'n' },
  eventTime: '2026-01-01T00:00:00.000001Z',
  reportingController: 'example.com/tester',
  reportingInstance: 'tester-1',
  action: 'Testing',
  reason: 'Tested',
  regarding: { kind: 'Pod', namespace: 'n', name: 'p' },
  note: 'a note',
  type: 'Normal',
};

const fields = (errors: readonly { field: string }[] | undefined) =>
  (errors ?? []).map(({ field }) => field);
const created = (change: JsonObject) =>
  fields(newerEventStrategy.validate?.({ ...newer, ...change }, undefined));

describe('the two forms of events', () => {
  test('the newer one is stored as the older one, and comes back as it was', () => {
    const stored = eventsStoredAs.toStored(newer);
    expect(stored).toMatchObject({
      apiVersion: 'v1',
      involvedObject: newer['regarding'],
      message: 'a note',
      reportingComponent: 'example.com/tester',
    });
    expect(eventsStoredAs.fromStored(stored)).toEqual(newer);
    expect(eventsStoredAs.toStored(stored)).toBe(stored);
  });

  test('fields of older events are called deprecated', () => {
    const stored = {
      kind: 'Event',
      apiVersion: 'v1',
      source: { component: 'x' },
      count: 3,
      lastTimestamp: '2026-01-01T00:00:00Z',
      reportingComponent: '',
    };
    expect(eventsStoredAs.fromStored(stored)).toEqual({
      kind: 'Event',
      apiVersion: 'events.k8s.io/v1',
      deprecatedSource: { component: 'x' },
      deprecatedCount: 3,
      deprecatedLastTimestamp: '2026-01-01T00:00:00Z',
    });
  });

  test('every field of the core kind has its place in the newer one', () => {
    const core = builtinKinds.find(({ names }) => names.plural === 'events');
    const of = (definition: typeof core) =>
      Object.values(definition?.versions[0]?.schema.openAPIV3Schema.properties ?? {});
    const newKind = core === undefined ? undefined : newerEvents(core);
    expect(of(newKind)).toHaveLength(of(core).length);
    const numbers = of(newKind).flatMap((part) => part['x-berth-proto'] ?? []);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });
});

describe('what the newer form asks for', () => {
  test.each([
    [{}, []],
    [{ eventTime: undefined }, ['eventTime']],
    [{ reportingController: '' }, Array(3).fill('reportingController')],
    [{ reportingInstance: '' }, ['reportingInstance']],
    [{ reportingInstance: 'x'.repeat(129) }, ['reportingInstance']],
    [{ action: '' }, ['action']],
    [{ reason: '' }, ['reason']],
    [{ type: 'Bad' }, ['type']],
    [{ note: 'x'.repeat(1025) }, ['message']],
    [{ regarding: { kind: 'Node', name: 'a' } }, ['involvedObject.namespace']],
    [{ series: { count: 1 } }, ['series.count', 'series.lastObservedTime']],
    [{ deprecatedCount: 1 }, ['count']],
    [{ deprecatedSource: { component: 'x' } }, ['source']],
  ])('%j', (change, wrong) => {
    expect(created(change as JsonObject)).toEqual(wrong);
  });

  test('only the series may change', () => {
    const change = (more: JsonObject) =>
      fields(newerEventStrategy.validate?.({ ...newer, ...more }, newer));
    const series = { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' };
    expect(change({ series })).toEqual([]);
    expect(change({ series: { ...series, count: 1 } })).toEqual(['series.count']);
    expect(change({ note: 'another' })).toEqual(['message']);
    expect(change({ reportingController: 'other' })).toEqual(['reportingController']);
  });
});

test('the older form asks for less', () => {
  const event = { metadata: { name: 'e', namespace: 'n' }, involvedObject: { namespace: 'n' } };
  expect(eventStrategy.validate?.(event, undefined)).toEqual([]);
  const elsewhere = { ...event, involvedObject: { namespace: 'm' } };
  expect(fields(eventStrategy.validate?.(elsewhere, undefined))).toEqual([
    'involvedObject.namespace',
  ]);
});
