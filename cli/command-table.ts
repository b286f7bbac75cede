/** Every subcommand: what it is for, and the file that holds it, loaded only when it is called. */
import type { Command } from 'commander';

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface CommandGroup {
  readonly title: string;
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

export const commandGroups: readonly CommandGroup[] = [
  {
    title: 'Run Berth on this machine',
    commands: {
      up: {
        summary: 'start server and agent in the background, and wait until they are ready',
        load: async () => (await import('./commands/up.ts')).upCommand(),
      },
      down: {
        summary: 'stop them; workloads keep running',
        load: async () => (await import('./commands/down.ts')).downCommand(),
      },
      service: {
        summary: 'have systemd start it with the machine',
        load: async () => (await import('./commands/service.ts')).serviceCommand(),
      },
      status: {
        summary: 'show what runs',
        load: async () => (await import('./commands/status.ts')).statusCommand(),
      },
      backup: {
        summary: 'save the whole state of a plane in a file',
        load: async () => (await import('./commands/backup.ts')).backupCommand(),
      },
      restore: {
        summary: 'fill the store of a plane from such a file',
        load: async () => (await import('./commands/restore.ts')).restoreCommand(),
      },
      store: {
        summary: 'encrypt what is stored anew',
        load: async () => (await import('./commands/store.ts')).storeCommand(),
      },
      doctor: {
        summary: 'check what this machine has, and say what is left out therefore',
        load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
      },
      server: {
        summary: 'run only the server (API, controllers, scheduler), in the foreground',
        load: async () => (await import('./commands/server.ts')).serverCommand(),
      },
      agent: {
        summary: 'run only the agent of a node, in the foreground',
        load: async () => (await import('./commands/agent.ts')).agentCommand(),
      },
      join: {
        summary: 'make this machine a node of a plane that runs elsewhere',
        load: async () => (await import('./commands/join.ts')).joinCommand(),
      },
      token: {
        summary: 'make, list and delete the tokens with which machines join',
        load: async () => (await import('./commands/token.ts')).tokenCommand(),
      },
    },
  },
  {
    title: 'Work with objects (or use kubectl)',
    commands: {
      apply: {
        summary: 'create or change the objects of a manifest',
        load: async () => (await import('./commands/apply.ts')).applyCommand(),
      },
      get: {
        summary: 'list objects, or show one',
        load: async () => (await import('./commands/get.ts')).getCommand(),
      },
      delete: {
        summary: 'delete objects and wait until they are gone',
        load: async () => (await import('./commands/delete.ts')).deleteCommand(),
      },
      scale: {
        summary: 'change the number of replicas',
        load: async () => (await import('./commands/scale.ts')).scaleCommand(),
      },
      rollout: {
        summary: 'follow, list, undo, pause, resume or restart the rollout of a Workload',
        load: async () => (await import('./commands/rollout.ts')).rolloutCommand(),
      },
      trigger: {
        summary: 'run the job of a Cron workload now',
        load: async () => (await import('./commands/trigger.ts')).triggerCommand(),
      },
      wait: {
        summary: 'wait for a condition, a value or a deletion',
        load: async () => (await import('./commands/wait.ts')).waitCommand(),
      },
      why: {
        summary: 'explain why something runs where it does, or what it waits for',
        load: async () => (await import('./commands/why.ts')).whyCommand(),
      },
      plan: {
        summary: 'show where a manifest would land, before anything is written',
        load: async () => (await import('./commands/plan.ts')).planCommand(),
      },
      capacity: {
        summary: 'tell how many more of a template would fit',
        load: async () => (await import('./commands/capacity.ts')).capacityCommand(),
      },
      logs: {
        summary: "print a container's log",
        load: async () => (await import('./commands/logs.ts')).logsCommand(),
      },
      image: {
        summary: 'list, pull and remove images on nodes',
        load: async () => (await import('./commands/image.ts')).imageCommand(),
      },
      node: {
        summary: 'measure the disks of a node',
        load: async () => (await import('./commands/node.ts')).nodeCommand(),
      },
      exec: {
        summary: 'run a command inside a container',
        load: async () => (await import('./commands/exec.ts')).execCommand(),
      },
      console: {
        summary: 'join the serial console of a virtual machine',
        load: async () => (await import('./commands/console.ts')).consoleCommand(),
      },
      vnc: {
        summary: 'open the screen of a virtual machine on a local port',
        load: async () => (await import('./commands/vnc.ts')).vncCommand(),
      },
      vm: {
        summary: 'start, stop, suspend, save, reboot, … a virtual machine',
        load: async () => (await import('./commands/vm.ts')).vmCommand(),
      },
      suspend: {
        summary: 'halt pods and virtual machines where they are',
        load: async () => (await import('./commands/suspend.ts')).suspendCommand(),
      },
      resume: {
        summary: 'let what was halted go on',
        load: async () => (await import('./commands/suspend.ts')).resumeCommand(),
      },
      adopt: {
        summary: 'take what runs already under management, without touching it',
        load: async () => (await import('./commands/adopt.ts')).adoptCommand(),
      },
      release: {
        summary: 'give away what a pod runs; it goes on',
        load: async () => (await import('./commands/release.ts')).releaseCommand(),
      },
    },
  },
  {
    title: 'Other',
    commands: {
      dimension: {
        summary: "check what answers for a dimension of one's own",
        load: async () => (await import('./commands/dimension.ts')).dimensionCommand(),
      },
      simulate: {
        summary: 'place instances on imaginary nodes, without a server',
        load: async () => (await import('./commands/simulate.ts')).simulateCommand(),
      },
      kubeconfig: {
        summary: "print where the kubeconfig is, or make a node's",
        load: async () => (await import('./commands/kubeconfig.ts')).kubeconfigCommand(),
      },
      version: {
        summary: 'print the version',
        load: async () => (await import('./commands/version.ts')).versionCommand(),
      },
    },
  },
];

export function findCommand(name: string): CommandEntry | undefined {
  for (const { commands } of commandGroups) {
    if (Object.hasOwn(commands, name)) return commands[name];
  }
  return undefined;
}

/** What `berth --help` prints. Pure. */
export function overview(): string {
  const lines = ['Usage: berth <command> [options]', ''];
  for (const { title, commands } of commandGroups) {
    lines.push(`${title}:`);
    for (const [name, { summary }] of Object.entries(commands)) {
      lines.push(`  ${name.padEnd(12)} ${summary}`);
    }
    lines.push('');
  }
  return [
    ...lines,
    'Examples:',
    '  berth up                                   # start; the kubeconfig is printed',
    '  berth apply -f examples/quickstart         # run something',
    '  berth get workloads,pods                   # look at it',
    '  berth down                                 # stop Berth, not the workloads',
    '',
    '"berth <command> --help" shows options and examples of a command.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not running (status).',
    'BERTH_DEBUG=1 adds stack traces to errors.',
    '',
  ].join('\n');
}

/** The command that `name` may have been meant as. Pure. */
export function suggestion(name: string): string | undefined {
  const names = commandGroups.flatMap(({ commands }) => Object.keys(commands));
  const near = names
    .map((known) => ({ known, distance: editDistance(name, known) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near !== undefined && near.distance <= 2 ? near.known : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
