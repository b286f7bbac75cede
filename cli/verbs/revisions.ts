/** The history of a Workload as the server keeps it, and the way back to one of its revisions. */
import { equal } from '../../api/json.ts';
import type {
  ConfigMap,
  ControllerRevision,
  PodTemplateSpec,
  Secret,
  Workload,
} from '../../api/kinds.gen.ts';
import type { JsonValue } from '../../api/meta.ts';
import { configMaps, controllerRevisions, secrets } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { collectionPath, objectPath } from '../../client/paths.ts';
import {
  type ConfigRef,
  configRefs,
  copyOfAnnotation,
  refKey,
  renameConfig,
} from '../../controllers/workload/config-refs.ts';
import { type Content, contentIn } from '../../controllers/workload/content.ts';
import { Failure } from '../failure.ts';
import type { Session } from './session.ts';

export const causeAnnotation = 'kubernetes.io/change-cause';

export interface KeptRevision {
  readonly number: number;
  readonly cause: string | undefined;
  readonly content: Content;
  readonly object: ControllerRevision;
}

/** Oldest first. */
export async function revisionsOf(
  session: Session,
  { metadata }: Workload,
): Promise<readonly KeptRevision[]> {
  const path = collectionPath(controllerRevisions, metadata.namespace ?? session.namespace);
  const { body } = await session.call({ path });
  const { items = [] } = body as { items?: readonly ControllerRevision[] }; // The API's list.
  return items
    .filter((item) => item.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
    .flatMap((object) => {
      const content = contentIn(object);
      const cause = object.metadata.annotations?.[causeAnnotation];
      return content === undefined
        ? []
        : [{ number: Number(object.revision), cause, content, object }];
    })
    .sort((a, b) => a.number - b.number);
}

/** The revision of that number; 0 is the one before the newest. Throws a `Failure`. Pure. */
export function pickRevision(
  history: readonly KeptRevision[],
  number: number,
  name: string,
): KeptRevision {
  const chosen = number === 0 ? history.at(-2) : history.find((each) => each.number === number);
  if (chosen !== undefined) return chosen;
  if (number === 0) throw new Failure(`no rollout history found for workload "${name}"`);
  const kept = history.map((each) => each.number).join(', ');
  const hint = kept === '' ? 'there is none' : `there are ${kept}`;
  throw new Failure(`unable to find specified revision ${number} in history: ${hint}`);
}

export interface WayBack {
  readonly template: PodTemplateSpec;
  /** Configuration that has changed since: the template names the copy of what it was. */
  readonly pinned: readonly { readonly ref: ConfigRef; readonly source: string }[];
}

/** The template to write: it follows the original of each copy that still has the same content. */
export async function wayBack(session: Session, { content }: KeptRevision): Promise<WayBack> {
  const names = new Map<string, string>();
  const pinned: { readonly ref: ConfigRef; readonly source: string }[] = [];
  for (const ref of configRefs(content.template)) {
    const copy = await readConfig(session, ref);
    const source = copy?.metadata.annotations?.[copyOfAnnotation];
    if (copy === undefined || source === undefined) continue;
    const original = await readConfig(session, { ...ref, name: source });
    if (original !== undefined && sameContent(copy, original)) names.set(refKey(ref), source);
    else pinned.push({ ref, source });
  }
  const template = renameConfig(content.template, (ref) => names.get(refKey(ref)) ?? ref.name);
  return { template, pinned };
}

/** Undefined when it is not there, or not for the user's eyes. */
async function readConfig(
  session: Session,
  { kind, name }: ConfigRef,
): Promise<ConfigMap | Secret | undefined> {
  const resource = kind === 'Secret' ? secrets : configMaps;
  const path = objectPath(resource, { namespace: session.namespace, name });
  try {
    const { body } = await session.call({ path });
    return body as unknown as ConfigMap | Secret; // The API's answer for the path.
  } catch (error) {
    if (hasReason(error, 'NotFound', 'Forbidden')) return undefined;
    throw error;
  }
}

/** Both are of one kind. */
function sameContent(a: ConfigMap | Secret, b: ConfigMap | Secret): boolean {
  return equal(contentOf(a), contentOf(b));
}

function contentOf(config: ConfigMap | Secret): JsonValue {
  const data = { ...config.data };
  if (config.kind === 'Secret') return { data, type: config.type ?? 'Opaque' };
  return { data, binaryData: { ...config.binaryData } };
}
