/** Why a container cannot be made from what its pod says; becomes its waiting reason. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
