/** Who a container runs as and what it may do: its own security context before its pod's. */
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Container, Pod, SeccompProfile } from '../../api/kinds.gen.ts';
import type { ContainerSpec, ImageInfo } from '../../runtime/runtime.ts';
import { ConfigError } from '../pod/config-error.ts';

type Secured = Pick<
  ContainerSpec,
  'user' | 'groups' | 'capabilities' | 'noNewPrivileges' | 'seccomp'
>;

/** Throws `ConfigError` when it may not run so; `image` is absent for programs of the machine. */
export async function securityOf(
  container: Container,
  pod: Pod,
  image: ImageInfo | undefined,
  dataDir: string,
): Promise<Secured> {
  checkNonRoot(container, pod, image);
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const user = userOf(container, pod, image);
  const { fsGroup, supplementalGroups = [] } = shared;
  const groups = [...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])];
  const { add = [], drop = [] } = own.capabilities ?? {};
  // A privileged container has every right and no filter, whatever else is said.
  const privileged = own.privileged === true;
  const profile = privileged ? undefined : (own.seccompProfile ?? shared.seccompProfile);
  const seccomp = profile === undefined ? undefined : await seccompOf(profile, dataDir);
  return {
    ...(user === undefined ? {} : { user }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(add.length + drop.length === 0 || privileged ? {} : { capabilities: { add, drop } }),
    ...(own.allowPrivilegeEscalation === false ? { noNewPrivileges: true } : {}),
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

/** Source: kubelet, `verifyRunAsNonRoot`; words and all. */
function checkNonRoot(container: Container, pod: Pod, image: ImageInfo | undefined): void {
  const { uid, nonRoot } = wishesOf(container, pod);
  if (nonRoot !== true) return;
  const { name, namespace, uid: podUid } = pod.metadata;
  const who = `(pod: "${name}_${namespace}(${podUid})", container: ${container.name})`;
  if (uid === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${who}`);
  if (uid !== undefined) return;
  const [word = ''] = (image?.user ?? '').split(':');
  if (word === '' || /^0+$/.test(word)) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${who}`);
  }
  if (/^\d+$/.test(word)) return;
  throw new ConfigError(
    `container has runAsNonRoot and image has non-numeric user (${word}), ` +
      `cannot verify user is non-root ${who}`,
  );
}

function userOf(container: Container, pod: Pod, image: ImageInfo | undefined): string | undefined {
  const { uid, gid } = wishesOf(container, pod);
  if (gid === undefined) return uid === undefined ? undefined : String(uid);
  // A group alone leaves the user to the image.
  const [imageUser = ''] = (image?.user ?? '').split(':');
  return `${uid ?? (imageUser === '' ? 0 : imageUser)}:${gid}`;
}

function wishesOf({ securityContext: own = {} }: Container, pod: Pod) {
  const shared = pod.spec.securityContext ?? {};
  return {
    uid: own.runAsUser ?? shared.runAsUser,
    gid: own.runAsGroup ?? shared.runAsGroup,
    nonRoot: own.runAsNonRoot ?? shared.runAsNonRoot,
  };
}

/** Profiles of the node lie in `<dataDir>/seccomp`, as they do in a kubelet's root directory. */
async function seccompOf(
  { type, localhostProfile = '' }: SeccompProfile,
  dataDir: string,
): Promise<ContainerSpec['seccomp']> {
  switch (type) {
    case 'RuntimeDefault':
      return undefined;
    case 'Unconfined':
      return 'Unconfined';
    case 'Localhost': {
      const relative = normalize(localhostProfile);
      if (localhostProfile === '' || relative.startsWith('/') || relative.startsWith('..')) {
        throw new ConfigError(`seccomp profile "${localhostProfile}" must be a relative path`);
      }
      const path = join(dataDir, 'seccomp', relative);
      try {
        const profile = await readFile(path, 'utf8');
        JSON.parse(profile);
        return { profile };
      } catch (error) {
        throw new ConfigError(`cannot load seccomp profile "${path}": ${String(error)}`);
      }
    }
    default:
      throw new ConfigError(`seccomp profile type "${type}" is not known`);
  }
}
