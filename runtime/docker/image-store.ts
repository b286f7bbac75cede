import type Docker from 'dockerode';
import type { CallOptions } from '../../lib/call.ts';
import type { ImageStore, StoredImage } from '../image-store.ts';
import { RuntimeError } from '../runtime.ts';
import { statusOf, toRuntimeError } from './errors.ts';

export async function listImages(
  docker: Docker,
  { signal }: CallOptions,
): Promise<Required<ImageStore>> {
  try {
    const options = { abortSignal: signal };
    const [images, containers, info] = await Promise.all([
      docker.listImages(options),
      docker.listContainers({ all: true, ...options }),
      // The typings leave the options out.
      (docker as { info(o: object): Promise<{ DockerRootDir: string }> }).info(options),
    ]);
    const users = new Map<string, string[]>();
    for (const { ImageID, Names, Id } of containers) {
      const name = Names[0]?.slice(1) ?? Id;
      users.set(ImageID, [...(users.get(ImageID) ?? []), name]);
    }
    return {
      directory: info.DockerRootDir,
      images: images.map(
        ({ Id, RepoTags, RepoDigests, Size }): StoredImage => ({
          id: Id,
          tags: named(RepoTags),
          digests: named(RepoDigests),
          sizeBytes: Size,
          users: users.get(Id) ?? [],
        }),
      ),
    };
  } catch (error) {
    throw toRuntimeError(error);
  }
}

/** The engine writes `<none>` where there is no name. */
function named(names: readonly string[] | null | undefined): readonly string[] {
  return (names ?? []).filter((name) => !name.includes('<none>'));
}

/** Name after name, as the engine takes away only one at a time. `image` is an id or one of its names. */
export async function removeImage(
  docker: Docker,
  image: string,
  options: CallOptions,
): Promise<void> {
  const { images } = await listImages(docker, options);
  const names = [image, image.includes(':') ? image : `${image}:latest`];
  const found = images.find(({ id, tags, digests }) =>
    [id, id.replace('sha256:', ''), ...tags, ...digests].some((name) => names.includes(name)),
  );
  if (found === undefined) return;
  if (found.users.length > 0) throw inUse(image, found.users);
  for (const name of [...found.tags, ...found.digests, found.id])
    await removeName(docker, name, options);
}

async function removeName(docker: Docker, name: string, { signal }: CallOptions): Promise<void> {
  try {
    await docker.getImage(name).remove({ force: false, abortSignal: signal });
  } catch (error) {
    if (statusOf(error) === 404) return;
    // A container was made from it meanwhile.
    if (statusOf(error) === 409) throw toRuntimeError(error, { 409: 'ImageInUse' });
    throw toRuntimeError(error);
  }
}

/** As many are named. */
const namedMax = 5;

function inUse(image: string, users: readonly string[]): RuntimeError {
  const more = users.length > namedMax ? ` and ${users.length - namedMax} more` : '';
  const who = `${users.slice(0, namedMax).join(', ')}${more}`;
  return new RuntimeError('ImageInUse', `image "${image}" is used by ${who}`);
}
