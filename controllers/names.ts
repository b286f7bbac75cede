/** The controllers by name: light, so that a command line can be read without loading them. */
export const controllerNames = [
  'workload',
  'job',
  'namespace',
  'disruption',
  'role-aggregation',
  'node-lifecycle',
  'garbage-collector',
  'event-ttl',
  'resource-quota',
  'token-cleaner',
  'root-ca',
  'token-secret',
  'certificates',
  'addresses',
  'volumes',
  'volume-snapshots',
  'vm-snapshots',
] as const;

export type ControllerName = (typeof controllerNames)[number];
