/** The table of events. Source: Kubernetes v1.32, `pkg/printers/internalversion`. */
import { humanAge } from '../../../api/duration.ts';
import { count, type JsonRecord, record, text } from '../json-record.ts';
import { column, nameOf, type TableDefinition } from './table-definition.ts';

export const eventTable: TableDefinition = {
  columns: [
    column('Last Seen', 'How long ago it happened last.'),
    column('Type', 'Normal or Warning.'),
    column('Reason', 'Why, in one word for machines.'),
    column('Object', 'What it happened to.'),
    column('Subobject', 'The part of the object.', 'wide'),
    column('Source', 'Who says so.', 'wide'),
    column('Message', 'What happened, for people.'),
    column('First Seen', 'How long ago it happened first.', 'wide'),
    column('Count', 'How many times it has happened.', 'wide'),
    { ...column('Name', 'The name of the event.', 'wide'), format: 'name' },
  ],
  cells(event, nowMs) {
    const involved = record(event['involvedObject'] ?? event['regarding']);
    const { first, last, times } = occurrences(event, nowMs);
    return [
      last,
      text(event['type']),
      text(event['reason']),
      target(involved),
      text(involved['fieldPath']),
      source(event),
      text(event['message'] ?? event['note']).trim(),
      first,
      times,
      nameOf(event),
    ];
  },
};

/** Old events carry a count, newer ones a series, single ones neither. */
function occurrences(event: JsonRecord, nowMs: number) {
  const series = event['series'];
  const first = humanAge(text(event['firstTimestamp']) || text(event['eventTime']), nowMs);
  if (series !== undefined && series !== null) {
    const last = humanAge(text(record(series)['lastObservedTime']), nowMs);
    return { first, last, times: count(record(series)['count']) };
  }
  const lastSeen = text(event['lastTimestamp']);
  const last = lastSeen === '' ? first : humanAge(lastSeen, nowMs);
  return { first, last, times: count(event['count']) || 1 };
}

function target(involved: JsonRecord): string {
  const kind = text(involved['kind']).toLowerCase();
  const name = text(involved['name']);
  return name === '' ? kind : `${kind}/${name}`;
}

function source(event: JsonRecord): string {
  const { component, host } = record(event['source']);
  const reporter =
    text(component) || text(event['reportingComponent']) || text(event['reportingController']);
  const instance = text(host) || text(event['reportingInstance']);
  return instance === '' ? reporter : `${reporter}, ${instance}`;
}
