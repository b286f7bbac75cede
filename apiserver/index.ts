/** The room's one way in. */
export { openAuditLog } from './audit/log-file.ts';
export { type AuditPolicy, readPolicy } from './audit/policy.ts';
export { readTokens, type StaticToken } from './auth/authenticate.ts';
export { type RequestFacts, readCertificateRequest } from './auth/certificate-request.ts';
export type { OidcOptions } from './auth/oidc.ts';
export { type KeyPair, openPki, type Pki, writeSecret } from './auth/pki.ts';
export { secretToken } from './auth/service-account-token.ts';
export { openTokenKeys, type TokenKeys } from './auth/token-keys.ts';
export type { VersionInfo } from './documents/version-info.ts';
export { type EncryptionConfiguration, readEncryption } from './encryption/configuration.ts';
export { Undecipherable } from './encryption/sealer.ts';
export type { UserInfo } from './request/request.ts';
export { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';
export type { Answers } from './subresources/answers.ts';
