/**
 * Traces of real clusters as objects of the API: the CSV files of Alibaba's openb (2023), nodes and pods. Pure.
 * Source: github.com/alibaba/clusterdata, cluster-trace-gpu-v2023.
 */
import type { Node, Pod } from '../../api/kinds.gen.ts';
import type { Arrival } from './simulate.ts';

/** More than any node of the trace ever carries: it does not say. */
const podsPerNode = '1000';

/** Throws an `Error` that names the line. */
export function traceNodes(text: string): readonly Node[] {
  return table(text, ['sn', 'cpu_milli', 'memory_mib']).map((row) => {
    const gpus = row.number('gpu', 0);
    const models = Array.from({ length: gpus }, () => row.text('model') || 'GPU').join(',');
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: row.text('sn'),
        ...(gpus === 0 ? {} : { annotations: { 'berth.dev/gpus': models } }),
      },
      spec: {},
      status: {
        allocatable: {
          cpu: `${row.number('cpu_milli')}m`,
          memory: `${row.number('memory_mib')}Mi`,
          pods: podsPerNode,
        },
      },
    };
  });
}

/** In the order of the file; times in seconds, where it has them. Throws as above. */
export function traceArrivals(text: string): readonly Arrival[] {
  return table(text, ['name', 'cpu_milli', 'memory_mib']).map((row) => {
    const from = row.number('creation_time', Number.NaN);
    const until = row.number('deletion_time', Number.NaN);
    return {
      pod: podOf(row),
      ...(Number.isNaN(from) ? {} : { from }),
      ...(Number.isNaN(until) ? {} : { until }),
    };
  });
}

function podOf(row: Row): Pod {
  const devices = row.number('num_gpu', 0);
  const milli = row.number('gpu_milli', 1000);
  // Several are always whole ones.
  const gpus = devices > 1 ? devices : (devices * milli) / 1000;
  const models = row.text('gpu_spec').split('|').join(',');
  const name = row.text('name');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      ...(models === '' ? {} : { annotations: { 'berth.dev/gpu-models': models } }),
    },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'trace',
          resources: {
            requests: {
              cpu: `${row.number('cpu_milli')}m`,
              memory: `${row.number('memory_mib')}Mi`,
              ...(gpus === 0 ? {} : { 'berth.dev/gpu': String(gpus) }),
            },
          },
        },
      ],
    },
  };
}

interface Row {
  /** Empty where there is none. */
  text(column: string): string;
  number(column: string, absent?: number): number;
}

/** With a head line and no quotes. */
function table(text: string, needed: readonly string[]): readonly Row[] {
  const [head = '', ...lines] = text.trimEnd().split(/\r?\n/);
  const columns = new Map(head.split(',').map((name, i) => [name.trim(), i]));
  const lacking = needed.filter((name) => !columns.has(name));
  if (lacking.length > 0) throw new Error(`line 1 has no column ${lacking.join(', ')}`);
  return lines.map((line, i): Row => {
    const cells = line.split(',');
    const textOf = (column: string) => (cells[columns.get(column) ?? -1] ?? '').trim();
    return {
      text: textOf,
      number(column, absent) {
        const cell = textOf(column);
        if (cell === '' && absent !== undefined) return absent;
        const value = Number(cell);
        if (cell !== '' && Number.isFinite(value) && value >= 0) return value;
        throw new Error(`line ${i + 2}: ${column} is no number: "${cell}"`);
      },
    };
  });
}
