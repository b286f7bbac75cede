/**
 * The Volumes of an instance that is bound: each is held for it, and gets its place, in the same transaction. So no two
 * instances can ever hold one, and none can be placed twice.
 */
import { asArray, asObject, asString, at, child, copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { conflict, notFound, StatusError } from '../../api/status.ts';
import { dataFinalizer } from '../../api/volume.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import type { GuardedWrite } from '../storage/object-store.ts';
import type { VerbDeps } from '../verbs/deps.ts';

/** More are not held in one transaction. */
const volumesMax = 64;

const place = { group: 'berth.dev', plural: 'volumes' };
const resource = { group: place.group, resource: place.plural };

/** The disk of a Volume that has none yet, by its name; `uid` empty = whichever Volume has the name. */
export interface VolumeWanted {
  readonly name: string;
  readonly uid: string;
  readonly disk: string;
}

export interface VolumeUser {
  readonly kind: 'Pod' | 'VM';
  readonly object: JsonObject;
  readonly nodeName: string;
  readonly volumes: readonly VolumeWanted[];
  /** The others that it claims are left as they are. */
  readonly onlyNamed: boolean;
}

export function volumesWanted(item: JsonObject): readonly VolumeWanted[] {
  return asArray(item['volumes']).map((value) => {
    const volume = asObject(value);
    const text = (field: string) => asString(volume?.[field]);
    return { name: text('name'), uid: text('uid'), disk: text('disk') };
  });
}

/** One write for each Volume that `user` claims; what it claims says its own spec, whoever asks for the binding. */
export async function volumeWrites(
  { objects }: VerbDeps,
  user: VolumeUser,
  signal: AbortSignal,
): Promise<readonly GuardedWrite[] | StatusError> {
  const names = claimedNames(user);
  if (names.length > volumesMax) {
    const why = `claims ${names.length} volumes, the most that are bound together is ${volumesMax}`;
    return new StatusError(
      422,
      'Invalid',
      `${user.kind} ${metaString(user.object, 'name')} ${why}`,
    );
  }
  const namespace = metaString(user.object, 'namespace');
  const writes: GuardedWrite[] = [];
  for (const name of names) {
    const volume = await objects.get(place, { namespace, name }, signal);
    if (volume === undefined) return notFound(resource, name);
    const wanted = user.volumes.find((each) => each.name === name);
    const why = refusal(volume, user, wanted);
    if (why !== undefined) return conflict(resource, name, `volume "${name}" ${why}`);
    const object = held(volume, user, wanted?.disk ?? '');
    writes.push({ key: volume.key, expected: volume.revision, object });
  }
  return writes;
}

function claimedNames({ kind, object, volumes, onlyNamed }: VolumeUser): readonly string[] {
  const names =
    kind === 'VM'
      ? asArray(at(object, 'spec', 'disks')).map((disk) => at(asObject(disk), 'volume'))
      : asArray(at(object, 'spec', 'volumes')).map((volume) =>
          at(asObject(volume), 'persistentVolumeClaim', 'claimName'),
        );
  const claimed = [...new Set(names.map(asString))].filter((name) => name !== '');
  return onlyNamed ? claimed.filter((name) => volumes.some((each) => each.name === name)) : claimed;
}

function refusal(
  { object }: Cached,
  user: VolumeUser,
  wanted: VolumeWanted | undefined,
): string | undefined {
  const uid = wanted?.uid ?? '';
  if (uid !== '' && uid !== metaString(object, 'uid')) return 'is another one of the same name';
  if (metaString(object, 'deletionTimestamp') !== '') return 'is being deleted';
  const holder = asObject(at(object, 'status', 'holder'));
  if (holder !== undefined && holder['uid'] !== metaString(user.object, 'uid')) {
    return `is held by ${asString(holder['kind'])} "${asString(holder['name'])}"`;
  }
  const node = asString(at(object, 'spec', 'nodeName'));
  if (node !== '' && node !== user.nodeName) return `lies on node ${node}`;
  if (diskOf(object) === '' && (wanted?.disk ?? '') === '') {
    return "has no disk yet, which only Berth's scheduler gives it";
  }
  return undefined;
}

function diskOf(object: JsonObject): string {
  return asString(at(object, 'spec', 'allocation', 'disk'));
}

function held({ object }: Cached, user: VolumeUser, disk: string): JsonObject {
  const next = copyOf(object);
  if (diskOf(object) === '') {
    child(next, 'spec')['nodeName'] = user.nodeName;
    child(next, 'spec')['allocation'] = { disk };
    // From now on there may be data.
    const metadata = metadataOf(next);
    const finalizers = asArray(metadata['finalizers']).filter((each) => each !== dataFinalizer);
    metadata['finalizers'] = [...finalizers, dataFinalizer];
  }
  const [name, uid] = [metaString(user.object, 'name'), metaString(user.object, 'uid')];
  child(next, 'status')['holder'] = { kind: user.kind, name, uid };
  return next;
}
