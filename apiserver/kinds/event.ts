/** Event: what is told about another object. Source: Kubernetes pkg/apis/core/validation `events.go`. */
import { asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateQualifiedName } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue, required } from '../schema/field-error.ts';
import { eventsStoredAs } from './event-forms.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const maxWordLength = 128;
const maxMessageLength = 1_024;

const referenceFields = [
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'],
];

type Getter = (event: JsonObject) => string;

/** Selectors name the fields as the group does, and look at the object in its form. */
function selectable(reference: string, reporter: string, source: string) {
  const named = referenceFields.map((field): [string, Getter] => [
    `${reference}.${field}`,
    (event) => asString(at(event, reference, field)),
  ]);
  const getters: Record<string, Getter> = {
    ...Object.fromEntries(named),
    reason: (event) => asString(event['reason']),
    [reporter]: (event) => asString(event[reporter]),
    source: (event) => asString(at(event, source, 'component')) || asString(event[reporter]),
    type: (event) => asString(event['type']),
  };
  return getters;
}

export const eventStrategy: Strategy = {
  ...plainStrategy,
  createOnUpdate: true,
  selectableFields: selectable('involvedObject', 'reportingComponent', 'source'),
  validate: (event) => eventErrors(event, 'reportingComponent'),
};

/** The same in `events.k8s.io`, which takes new events in the new form only. */
export const newerEventStrategy: Strategy = {
  ...plainStrategy,
  createOnUpdate: true,
  selectableFields: selectable('regarding', 'reportingController', 'deprecatedSource'),
  validate(newer, old) {
    const event = eventsStoredAs.toStored(newer);
    const errors = eventErrors(event, 'reportingController');
    if (old === undefined) return [...errors, ...seriesErrors(event), ...newFormErrors(event)];
    const before = eventsStoredAs.toStored(old);
    const changed = equal(event['series'], before['series']) ? [] : seriesErrors(event);
    return [...errors, ...changed, ...immutableErrors(event, before)];
  },
};

/** `reporter` is how the field is called in the group that was asked. */
function eventErrors(event: JsonObject, reporter: string): FieldError[] {
  const namespace = asString(at(event, 'metadata', 'namespace'));
  const involved = asString(at(event, 'involvedObject', 'namespace'));
  const isNew = asString(event['eventTime']) !== '';
  // Events about cluster-scoped objects lie in `default`, new ones also in `kube-system`.
  const own =
    involved === '' && (namespace === 'default' || (isNew && namespace === 'kube-system'));
  const wrongPlace = isNew ? involved === '' && !own : involved !== namespace && !own;
  const errors = wrongPlace
    ? [invalidValue('involvedObject.namespace', involved, 'does not match event.namespace')]
    : [];
  if (!isNew) return errors;
  const component = asString(event['reportingComponent']);
  if (component === '') errors.push(required(reporter));
  errors.push(
    ...validateQualifiedName(component).map((why) => invalidValue(reporter, component, why)),
  );
  for (const field of ['reportingInstance', 'action', 'reason']) {
    const value = asString(event[field]);
    if (value === '') errors.push(required(field));
    if (value.length > maxWordLength)
      errors.push(invalidValue(field, '', `can have at most ${maxWordLength} characters`));
  }
  if (asString(event['message']).length > maxMessageLength)
    errors.push(invalidValue('message', '', `can have at most ${maxMessageLength} characters`));
  return errors;
}

function seriesErrors(event: JsonObject): FieldError[] {
  const series = asObject(event['series']);
  if (series === undefined) return [];
  const few = Number(series['count'] ?? 0) < 2;
  return [
    ...(few ? [invalidValue('series.count', '', 'should be at least 2')] : []),
    ...(asString(series['lastObservedTime']) === '' ? [required('series.lastObservedTime')] : []),
  ];
}

function newFormErrors(event: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (asString(event['eventTime']) === '') errors.push(required('eventTime'));
  const type = asString(event['type']);
  if (type !== 'Normal' && type !== 'Warning')
    errors.push(invalidValue('type', '', 'has invalid value: '));
  for (const field of ['firstTimestamp', 'lastTimestamp', 'count', 'source'])
    if (isSet(event[field])) errors.push(invalidValue(field, '', 'needs to be unset'));
  return errors;
}

function isSet(value: unknown): boolean {
  if (typeof value === 'object' && value !== null)
    return Object.values(value).some((each) => each !== '');
  return value !== undefined && value !== null && value !== 0 && value !== '';
}

const fixedFields = [
  ...['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count'],
  ...['reportingComponent', 'reportingInstance', 'action', 'related', 'type', 'eventTime'],
];

function immutableErrors(event: JsonObject, old: JsonObject): FieldError[] {
  return fixedFields
    .filter((field) => !equal(event[field], old[field]))
    .map((field) => {
      const name = field === 'reportingComponent' ? 'reportingController' : field;
      return invalidValue(name, event[field], 'field is immutable');
    });
}
