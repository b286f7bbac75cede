import type { ContainerSpec } from '../runtime.ts';

/**
 * Why systemd could not bring the process to its program, by the status that it gave it in its
 * stead; `undefined` when the status is the program's own.
 * Source: systemd.exec(5), "Process Exit Codes".
 */
export function startFailure(status: number, container: ContainerSpec): string | undefined {
  const { workingDir = '/', user = '', image, command, args } = container;
  const program = command?.[0] ?? args?.[0] ?? '';
  const root = image === '' ? '' : ` in ${image}`;
  const words: Readonly<Record<number, string>> = {
    200: `working directory "${workingDir}": no such directory${root}`,
    203: `exec: "${program}": no such file or directory${root}, or it cannot be executed`,
    210: `the root directory "${image}" cannot be entered`,
    216: `group of "${user}": not known to this machine; make it with groupadd`,
    217: `user "${user}": not known to this machine; make it with useradd`,
    218: 'its capabilities cannot be set',
    225: 'its network namespace cannot be entered',
    226: 'its mounts cannot be made',
    228: 'its filter of system calls cannot be set',
  };
  return words[status];
}
