/** CustomResourceDefinition: defaults of its names, the marks of its deletion, and what it is checked for. */
import { setCondition } from '../../api/conditions.ts';
import { asArray, asString, at, child, equal, objectsOf } from '../../api/json.ts';
import type { Condition, JsonObject, JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';
import { conversionErrors } from './crd-conversion.ts';
import { nameErrors } from './crd-names.ts';
import { oneVersionErrors, storedVersionErrors, versionErrors } from './crd-versions.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

/** Keeps the definition until its objects are deleted; taken off by the establisher. */
export const crdFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const crdStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  typesFirst: true,
  qualifiedFinalizers: false,
  prepareForCreate(crd) {
    defaultNames(crd);
    const stored = objectsOf(at(crd, 'spec', 'versions')).filter(
      (version) => version['storage'] === true,
    );
    crd['status'] = {
      conditions: null,
      acceptedNames: { plural: '', kind: '' },
      storedVersions: stored.map((version) => asString(version['name'])),
    };
  },
  // Until then `status.conditions` is null, which `kubectl wait` takes for an error.
  settled: (crd) => asArray(at(crd, 'status', 'conditions')).length > 0,
  prepareForUpdate(crd, old) {
    defaultNames(crd);
    crd['status'] = old['status'];
  },
  rename: oneVersionErrors,
  validate(crd, old) {
    // What may not change decides what else would be wrong: it is told alone.
    const changed = old === undefined ? [] : immutableErrors(crd, old);
    if (changed.length > 0) return changed;
    return [
      ...nameErrors(crd),
      ...versionErrors(crd),
      ...storedVersionErrors(crd, old),
      ...conversionErrors(crd),
    ];
  },
  beginDeletion(crd, nowMs) {
    const metadata = child(crd, 'metadata');
    const finalizers = asArray(metadata['finalizers']);
    if (!finalizers.includes(crdFinalizer)) metadata['finalizers'] = [...finalizers, crdFinalizer];
    setCrdCondition(crd, nowMs, {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message:
        'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    });
  },
};

/** Sets a condition in place; the time stays while the status does. */
export function setCrdCondition(
  crd: JsonObject,
  nowMs: number,
  condition: Omit<Condition, 'lastTransitionTime'>,
): void {
  const status = child(crd, 'status');
  // Only this server writes conditions here, and they are plain JSON.
  const before = asArray(status['conditions']) as unknown as readonly Condition[];
  status['conditions'] = setCondition(before, condition, nowMs) as unknown as JsonValue;
}

function defaultNames(crd: JsonObject): void {
  const spec = child(crd, 'spec');
  const names = child(spec, 'names');
  const kind = asString(names['kind']);
  if (asString(names['singular']) === '') names['singular'] = kind.toLowerCase();
  if (asString(names['listKind']) === '') names['listKind'] = `${kind}List`;
  if (spec['conversion'] === undefined) spec['conversion'] = { strategy: 'None' };
  // The default is not shown, as upstream does not.
  if (spec['preserveUnknownFields'] === false) delete spec['preserveUnknownFields'];
}

const immutableFields = [
  ['spec', 'group'],
  ['spec', 'names', 'plural'],
];
/** As long as nothing is served, a kind that somebody else has can still be renamed. */
const immutableOnceEstablished = [
  ['spec', 'scope'],
  ['spec', 'names', 'kind'],
];

function immutableErrors(crd: JsonObject, old: JsonObject): FieldError[] {
  const established = objectsOf(at(old, 'status', 'conditions')).some(
    ({ type, status }) => type === 'Established' && status === 'True',
  );
  return [...immutableFields, ...(established ? immutableOnceEstablished : [])]
    .filter((path) => !equal(at(crd, ...path), at(old, ...path)))
    .map((path) => invalidValue(path.join('.'), at(crd, ...path), 'field is immutable'));
}
