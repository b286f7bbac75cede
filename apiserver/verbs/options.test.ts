import { expect, test } from 'vitest';
import { StatusError } from '../../api/status.ts';
import type { RequestContext } from '../request/request.ts';
import { deleteParameters, writeParameters } from './options.ts';

function write(query: string, userAgent = 'kubectl/v1.32', kind = 'PatchOptions', apply = false) {
  const request = { query: new URLSearchParams(query), headers: { 'user-agent': userAgent } };
  // Only these two fields of the context are read.
  return writeParameters({ request } as unknown as RequestContext, kind, apply);
}

function fieldsOf(call: () => unknown): readonly (string | undefined)[] {
  try {
    call();
  } catch (error) {
    if (error instanceof StatusError) return error.details?.causes?.map(({ field }) => field) ?? [];
  }
  return [];
}

test('the manager is named, or taken from the user agent', () => {
  expect(write('fieldManager=me').fieldManager).toBe('me');
  expect(write('').fieldManager).toBe('kubectl');
  expect(write('', '').fieldManager).toBe('unknown');
  expect(write('', `${'🍔'.repeat(40)}/1`).fieldManager).toBe('🍔'.repeat(32));
});

test('defaults: no dry run, warnings for unknown fields', () => {
  expect(write('')).toMatchObject({ dryRun: false, fieldValidation: 'Warn', force: false });
  expect(write('dryRun=All&fieldValidation=Strict')).toMatchObject({
    dryRun: true,
    fieldValidation: 'Strict',
  });
});

test.each([
  ['dryRun=Some', 'dryRun'],
  ['fieldValidation=Loose', 'fieldValidation'],
  [`fieldManager=${'m'.repeat(129)}`, 'fieldManager'],
  ['force=true', 'force'],
])('%s is refused', (query, field) => {
  expect(fieldsOf(() => write(query))).toEqual([field]);
});

test('apply needs a manager and may force', () => {
  expect(fieldsOf(() => write('', '', 'PatchOptions', true))).toEqual(['fieldManager']);
  expect(write('fieldManager=a&force=true', '', 'PatchOptions', true).force).toBe(true);
});

test('deletions take the body before the query', () => {
  const query = new URLSearchParams('gracePeriodSeconds=5&propagationPolicy=Orphan');
  expect(deleteParameters(query, {})).toMatchObject({ graceSeconds: 5, propagation: 'Orphan' });
  const body = {
    gracePeriodSeconds: 0,
    propagationPolicy: 'Foreground',
    preconditions: { uid: 'u' },
  };
  expect(deleteParameters(query, body)).toMatchObject({
    graceSeconds: 0,
    propagation: 'Foreground',
    uid: 'u',
  });
  expect(deleteParameters(new URLSearchParams('orphanDependents=true'), {}).propagation).toBe(
    'Orphan',
  );
});

test('deletions refuse what makes no sense', () => {
  const refuse = (query: string, body = {}) =>
    fieldsOf(() => deleteParameters(new URLSearchParams(query), body));
  expect(refuse('propagationPolicy=Never')).toEqual(['propagationPolicy']);
  expect(refuse('', { orphanDependents: true, propagationPolicy: 'Orphan' })).toEqual([
    'propagationPolicy',
  ]);
  const grace = (seconds: string) => () =>
    deleteParameters(new URLSearchParams(`gracePeriodSeconds=${seconds}`), {});
  expect(grace('soon')).toThrow('strconv.ParseInt: parsing "soon": invalid syntax');
  expect(grace('9223372036854775808')).toThrow(
    'strconv.ParseInt: parsing "9223372036854775808": value out of range',
  );
  expect(grace('9223372036854775807')).not.toThrow();
});
