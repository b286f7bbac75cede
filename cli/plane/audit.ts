/** The audit log of a plane, as its flags say. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type AuditPolicy, openAuditLog, readPolicy } from '../../apiserver/index.ts';
import { Failure, sentenceOf } from '../failure.ts';
import type { PlaneConfig } from './config.ts';

const megabyte = 1_000_000;
const everything: AuditPolicy = { rules: [{ level: 'Metadata' }], omitStages: ['RequestReceived'] };

/** `undefined` when nothing is recorded. Throws a `Failure` for a policy that cannot be used. */
export function openAudit(config: PlaneConfig) {
  const { auditLogPath: path, auditPolicyFile, auditLogMaxsize, auditLogMaxbackup } = config;
  if (path === undefined) return undefined;
  const policy = auditPolicyFile === undefined ? everything : policyOf(auditPolicyFile);
  const sink = openAuditLog({
    path,
    maxBytes: (auditLogMaxsize ?? 100) * megabyte,
    maxBackups: auditLogMaxbackup ?? 10,
    now: Date.now,
  });
  return { policy, sink };
}

function policyOf(path: string): AuditPolicy {
  try {
    return readPolicy(parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Failure(`--audit-policy-file ${path}: ${sentenceOf(error)}`, { cause: error });
  }
}
