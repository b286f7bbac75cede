/** What the suites' containers run where a shell can be had: busybox, in an image or a directory. */
import type { ContainerSpec, InstanceSpec } from '../../runtime/runtime.ts';
import type { InstanceHarness } from './instance.ts';
import type { Program, RuntimeHarness } from './runtime.ts';

export const shell = (script: string): Program => ({
  command: ['/bin/sh', '-c', script, 'sh'],
  args: [],
});

/** Ends at once when asked. */
export const rest = "trap 'exit 143' TERM; while :; do sleep 60 & wait $!; done";

export const shellPrograms: RuntimeHarness['programs'] = {
  sleeper: shell(rest),
  deaf: shell("trap '' TERM; echo ready; while :; do sleep 1; done"),
  exit7: shell('exit 7'),
  printer: shell(`echo one; echo two; echo three; echo oops >&2; ${rest}`),
  ticker: shell('echo tick; sleep 0.5; echo tock'),
  counter: shell('n=0; while :; do n=$((n + 1)); echo $n; sleep 0.05; done'),
  polite: shell("trap 'echo bye; exit 3' TERM; while :; do sleep 60 & wait $!; done"),
  introducer: shell('echo "$GREETING|$1|$PWD|$(id -u)|$(hostname)"'),
  writer: shell(
    'cat /mnt/file; if echo changed >/mnt/file; then echo written; else echo refused; fi',
  ),
  server: shell('exec nc -ll -p 8099 -e echo pong'),
  client: shell(`until nc 127.0.0.1 8099 </dev/null | grep pong; do sleep 0.1; done; ${rest}`),
  listener: shell(
    'while read -r line; do case "$line" in end) exit 0;; size) stty size;; warn) echo careful >&2;; *) echo "heard $line";; esac; done',
  ),
};

export const shellCommands: RuntimeHarness['commands'] = {
  cat: ['cat'],
  size: ['/bin/sh', '-c', 'read line; stty size'],
};

const nothingSaid = {
  ...{ attempt: 0, env: {}, tty: false, stdin: false, privileged: false },
  ...{ readOnlyRootFilesystem: false, ports: [], mounts: [] },
};

/** An instance of one container; a harness adds the engine. */
export function oneContainer(image: string, program: Program, absent: Program) {
  const cpuMilli = 250;
  const specOf = (id: string, one: Program): InstanceSpec => {
    const limits = { cpuMilli };
    const main: ContainerSpec = { ...nothingSaid, name: 'main', image, ...one, limits };
    const names = { namespace: 'test', name: 'web', hostname: 'web' };
    return { id, ...names, network: 'host', containers: [main] };
  };
  return {
    ...{ bootMs: 60_000, container: 'main', said: 'ready', exitCode: 3, cpuMilli },
    spec: (id: string) => specOf(id, program),
    broken: (id: string) => specOf(id, absent),
  };
}

/** The same of a shell. */
export function oneShell(image: string) {
  const polite = shell("trap 'exit 3' TERM; echo ready; while :; do sleep 60 & wait $!; done");
  return {
    ...oneContainer(image, polite, { command: ['/berth/absent'] }),
    commands: {
      both: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 5'],
      ...{ cat: ['cat'], missing: ['absent-command'] },
      lasting: (mark) => ['sleep', String(mark)],
      // busybox shows its own name before that of the program, or not.
      counting: (mark) => ['/bin/sh', '-c', `ps -o args | grep -cE '^(busybox )?[s]leep ${mark}'`],
    } satisfies InstanceHarness['commands'],
  };
}
