/**
 * How much of a node is sold to instances, as people set it in the node's annotations: amounts in place of what its
 * agent found, amounts kept back for the system, and how many times the rest is sold. Pure.
 */
import { isQuantity } from './quantity.ts';

/** `cpu=16,memory=60Gi,example.com/fpga=2`: in place of what the node's status says can be given out. */
export const capacityAnnotation = 'berth.dev/capacity';
/** `cpu=500m,memory=2Gi`: kept back for what Berth does not run. */
export const reservedAnnotation = 'berth.dev/reserved';
/** `memory=1.2`: so many times what is left is sold; below 1 a part of it. Processors: see `cpuOversellAnnotation`. */
export const oversellAnnotation = 'berth.dev/oversell';
/** `"1.5"`: shared processors, and the cores of those that are bound. */
export const cpuOversellAnnotation = 'berth.dev/cpu-oversell';

const factorMax = 100;

export interface SalesError {
  readonly annotation: string;
  readonly value: string;
  readonly message: string;
}

/** `resource=value` pairs; what is none is left out: a node is not lost by a slip of the pen. */
export function salesOf(text: string | undefined): ReadonlyMap<string, string> {
  return new Map(
    pairsOf(text ?? '').flatMap(({ resource, value }) => (resource ? [[resource, value]] : [])),
  );
}

/** Undefined for what is no factor. */
export function factorOf(value: string): number | undefined {
  const factor = value.trim() === '' ? Number.NaN : Number(value);
  return factor > 0 && factor <= factorMax ? factor : undefined;
}

/** What is wrong with a node's annotations about it. */
export function salesErrors(annotations: Readonly<Record<string, unknown>>): readonly SalesError[] {
  const errors: SalesError[] = [];
  for (const [annotation, isRight, expected] of lists) {
    const value = annotations[annotation];
    if (typeof value !== 'string') continue;
    for (const { pair, resource, value: said } of pairsOf(value)) {
      if (resource !== '' && isRight(said)) continue;
      errors.push({ annotation, value: pair, message: `must be ${expected}` });
    }
  }
  const cpu = annotations[cpuOversellAnnotation];
  if (typeof cpu === 'string' && !((factorOf(cpu) ?? 0) >= 1)) {
    errors.push({
      annotation: cpuOversellAnnotation,
      value: cpu,
      message: 'must be a number from 1 to 100',
    });
  }
  const both = salesOf(text(annotations[oversellAnnotation])).get('cpu');
  if (both !== undefined) {
    const message = `processors are oversold by the annotation ${cpuOversellAnnotation}`;
    errors.push({ annotation: oversellAnnotation, value: `cpu=${both}`, message });
  }
  return errors;
}

const isAmount = (value: string) => isQuantity(value) && !value.startsWith('-');
const lists = [
  [capacityAnnotation, isAmount, 'pairs like cpu=16,memory=60Gi'],
  [reservedAnnotation, isAmount, 'pairs like cpu=500m,memory=2Gi'],
  [
    oversellAnnotation,
    (value: string) => factorOf(value) !== undefined,
    'pairs like memory=1.2, with numbers above 0 and up to 100',
  ],
] as const;

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function pairsOf(list: string) {
  return list
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const resource = at < 1 ? '' : pair.slice(0, at).trim();
      return { pair, resource, value: pair.slice(at + 1).trim() };
    });
}
