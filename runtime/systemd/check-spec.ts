import { type ContainerSpec, type InstanceSpec, RuntimeError } from '../runtime.ts';

/**
 * Throws `InvalidSpec` for what would fail half-way, and for what units cannot do. Of a container that
 * is there already nothing needs to be said but its name and attempt.
 */
export function checkSpec(
  spec: InstanceSpec,
  isThere: (container: ContainerSpec) => boolean,
): void {
  const whole = instanceProblem(spec);
  if (whole !== undefined) throw new RuntimeError('InvalidSpec', whole);
  const names = new Set<string>();
  for (const container of spec.containers) {
    const { name } = container;
    const why = names.has(name)
      ? `container name "${name}" is used twice`
      : isThere(container)
        ? undefined
        : containerProblem(container);
    if (why !== undefined) throw new RuntimeError('InvalidSpec', why, { container: name });
    names.add(name);
  }
}

function instanceProblem({ sysctls }: InstanceSpec): string | undefined {
  if (Object.keys(sysctls ?? {}).length === 0) return undefined;
  return 'securityContext.sysctls: the systemd runtime cannot do this; use docker';
}

function containerProblem(container: ContainerSpec): string | undefined {
  const { env, command = [], args = [], tty, stdin, seccomp, workingDir } = container;
  const no = (field: string) => `${field}: the systemd runtime cannot do this; use docker`;
  const bad = Object.keys(env).find((key) => key === '' || key.includes('='));
  if (bad !== undefined) return `environment variable name "${bad}" is not allowed`;
  if (command.length + args.length === 0) {
    return 'command: is required, because a unit has no image that could name a program';
  }
  if (tty) return no('tty');
  if (stdin) return no('stdin');
  if (typeof seccomp === 'object') return no('securityContext.seccompProfile');
  if (workingDir !== undefined && !workingDir.startsWith('/')) {
    return `workingDir: "${workingDir}" must be an absolute path`;
  }
  return undefined;
}
