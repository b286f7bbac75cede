/** The unit of systemd that runs what a data directory holds. Pure. */

export interface UnitOptions {
  readonly description: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
}

/** `berth` for the default directory; else with its path, so that several fit on one machine. */
export function unitName(dataDir: string, defaultDir: string): string {
  if (dataDir === defaultDir) return 'berth.service';
  const words = dataDir.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return `berth-${words}.service`;
}

export function unitText({ description, command }: UnitOptions): string {
  return `# Written by "berth service install", removed by "berth service uninstall".
[Unit]
Description=${description}
Wants=network-online.target
After=network-online.target docker.service libvirtd.service
# It is tried for as long as it takes: what it waits for may come late.
StartLimitIntervalSec=0

[Service]
Type=notify
# The word that it is ready comes from a child.
NotifyAccess=all
ExecStart=${command.map(quoted).join(' ')}
Restart=always
RestartSec=2
TimeoutStartSec=90
TimeoutStopSec=15
# Nothing that Berth runs is a child of it, and what it has begun may end by itself.
KillMode=process
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
`;
}

/** One word of a command line. Source: systemd.service(5), "Command lines". */
function quoted(word: string): string {
  const literal = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (/^[\w/.:=@%$+,-]+$/.test(literal)) return literal;
  return `"${literal.replace(/["\\]/g, '\\$&')}"`;
}
