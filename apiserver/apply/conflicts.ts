/** The answer to an apply that others' ownership forbids, in upstream's words. */
import { type StatusCause, StatusError } from '../../api/status.ts';
import { parseManagerKey } from './managed-fields.ts';
import type { Conflict } from './ownership.ts';
import { formatPath } from './path-element.ts';
import { compareText } from './values.ts';

/** 409 with a cause for each field. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes: StatusCause[] = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: formatPath(path),
  }));
  return new StatusError(409, 'Conflict', conflictMessage(conflicts), { causes });
}

function conflictMessage(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1) {
    const what = `${managerText(only.manager)}: ${formatPath(only.path)}`;
    return `Apply failed with 1 conflict: conflict with ${what}`;
  }
  const managers = [...new Set(conflicts.map(({ manager }) => manager))];
  const parts = managers
    .sort(compareText)
    .flatMap((manager) => [
      `conflicts with ${managerText(manager)}:`,
      ...conflicts.filter((c) => c.manager === manager).map((c) => `- ${formatPath(c.path)}`),
    ]);
  return `Apply failed with ${conflicts.length} conflicts: ${parts.join('\n')}`;
}

function managerText(key: string): string {
  const { manager = '', operation, apiVersion = '', subresource = '' } = parseManagerKey(key);
  const of = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const using = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(manager)}${of}${using}`;
}
