/** Tells the service manager that the start is over. Source: sd_notify(3). */
import { execFile } from 'node:child_process';

/** Nothing when no service manager waits. `status` is what `systemctl status` shows. */
export function notifyReady(status: string): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return Promise.resolve();
  // Node has no datagrams over Unix sockets.
  const args = ['--ready', `--status=${status}`];
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', args, (error) => (error === null ? resolve() : reject(error)));
  });
}
