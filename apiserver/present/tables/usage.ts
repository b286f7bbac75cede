/** What is used now. Source: metrics-server's columns. */
import { parseQuantity } from '../../../api/quantity.ts';
import { type JsonRecord, record, records, text } from '../json-record.ts';
import { column, nameColumn, nameOf, type TableDefinition } from './table-definition.ts';

function columns() {
  return [
    nameColumn,
    column('CPU', 'Cores in use over the window.'),
    column('Memory', 'The working set.'),
    column('Window', 'Over how long CPU was measured.'),
  ];
}

function cells(object: JsonRecord, usages: readonly JsonRecord[]) {
  const total = (name: string) =>
    usages.reduce((sum, usage) => sum + parseQuantity(text(usage[name])).nano, 0n);
  const kibibytes = total('memory') / 1_000_000_000n / 1024n;
  return [nameOf(object), `${total('cpu')}n`, `${kibibytes}Ki`, text(object['window'])];
}

export const nodeMetricsTable: TableDefinition = {
  columns: columns(),
  cells: (object) => cells(object, [record(object['usage'])]),
};

export const podMetricsTable: TableDefinition = {
  columns: columns(),
  cells: (object) =>
    cells(
      object,
      records(object['containers']).map((each) => record(each['usage'])),
    ),
};
