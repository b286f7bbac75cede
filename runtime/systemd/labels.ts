/**
 * How units are recognised: by fields that systemd keeps with them and that the journal writes to
 * each of their lines, so that one label finds a unit and its log.
 */
import { createHash } from 'node:crypto';
import type { ContainerSpec, InstanceSpec } from '../runtime.ts';
import { shortId } from '../short-id.ts';

export interface UnitLabels {
  readonly node: string;
  readonly instance: string;
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly attempt: number;
  readonly image: string;
}

const field = {
  node: 'BERTH_NODE',
  instance: 'BERTH_INSTANCE',
  namespace: 'BERTH_NAMESPACE',
  name: 'BERTH_NAME',
  container: 'BERTH_CONTAINER',
  attempt: 'BERTH_ATTEMPT',
  image: 'BERTH_IMAGE',
} as const;

export function labelsOf(
  nodeId: string,
  { id, namespace, name }: InstanceSpec,
  { name: container, attempt, image }: ContainerSpec,
): UnitLabels {
  return { node: nodeId, instance: id, namespace, name, container, attempt, image };
}

/** As `LogExtraFields=` takes them. */
export function encodeLabels(labels: UnitLabels): readonly string[] {
  return [
    `${field.node}=${labels.node}`,
    `${field.instance}=${labels.instance}`,
    `${field.namespace}=${labels.namespace}`,
    `${field.name}=${labels.name}`,
    `${field.container}=${labels.container}`,
    `${field.attempt}=${labels.attempt}`,
    `${field.image}=${labels.image}`,
  ];
}

/** `undefined` for units that are none of Berth's. */
export function decodeLabels(fields: readonly string[]): UnitLabels | undefined {
  const all = new Map(
    fields.map((each) => {
      const at = each.indexOf('=');
      return [each.slice(0, at), each.slice(at + 1)] as const;
    }),
  );
  const read = (name: keyof typeof field) => all.get(field[name]) ?? '';
  if (read('instance') === '') return undefined;
  return {
    node: read('node'),
    instance: read('instance'),
    namespace: read('namespace'),
    name: read('name'),
    container: read('container'),
    attempt: Number(read('attempt')),
    image: read('image'),
  };
}

interface LoggedUnit {
  readonly name: string;
  readonly adopted: boolean;
  readonly labels: Pick<UnitLabels, 'node' | 'instance' | 'container' | 'attempt'>;
}

/** The journal's terms for the lines of one attempt. */
export function journalMatches({ name, labels, adopted }: LoggedUnit): readonly string[] {
  if (adopted) return [`_SYSTEMD_UNIT=${name}`];
  return [
    `${field.node}=${labels.node}`,
    `${field.instance}=${labels.instance}`,
    `${field.container}=${labels.container}`,
    `${field.attempt}=${labels.attempt}`,
  ];
}

/** systemd takes 255 characters; 200 keep `systemctl list-units` readable. */
const nameMaxLength = 200;
const suffix = '.service';

/** `berth_<namespace>_<pod>_<container>_<short id>_<attempt>.service`, its words cut when too long. */
export function unitName(labels: UnitLabels): string {
  const hash = createHash('sha256').update(labels.container).digest('hex').slice(0, 4);
  const tail = `_${hash}_${shortId(labels.node, labels.instance)}_${labels.attempt}${suffix}`;
  const words = `berth_${labels.namespace}_${labels.name}_${labels.container}`;
  return words.replace(/[^a-zA-Z0-9_.-]/g, '-').slice(0, nameMaxLength - tail.length) + tail;
}

export const anyUnit = `berth_*${suffix}`;

export function unitsOf(nodeId: string, instance: string): string {
  return `berth_*_${shortId(nodeId, instance)}_*${suffix}`;
}

/** All units of an instance together, below `berth.slice`. */
export function sliceName(nodeId: string, instance: string): string {
  return `berth-${shortId(nodeId, instance)}.slice`;
}
