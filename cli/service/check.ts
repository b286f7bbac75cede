/** What `berth doctor` says of the service. */
import type { Finding } from '../doctor/finding.ts';
import type { PlanePaths } from '../plane/paths.ts';
import { hasSystemd, installedUnit } from './service.ts';

/** Nothing on a machine without systemd, where another service manager may do it. */
export function serviceFinding(paths: PlanePaths): readonly Finding[] {
  if (!hasSystemd()) return [];
  const unit = installedUnit(paths);
  if (unit !== undefined) return [{ state: 'ok', name: 'service', found: unit }];
  return [
    {
      state: 'optional',
      name: 'service',
      found: 'not installed',
      without: 'after a reboot Berth, and what it runs, is started by hand',
      remedy: 'berth service install',
    },
  ];
}
