/**
 * `/openapi/v2`: an OpenAPI 2 document without schemas, which are served as OpenAPI 3 only. kubectl falls back
 * to it for kinds that it finds in no v3 document, and then says that there is no such kind; a 404 here would
 * hide that behind an error of its own.
 */
import type { ApiRequest, ApiResponse } from '../request/request.ts';
import type { VersionInfo } from './version-info.ts';

const title = 'Berth';
const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

export function openApiV2(request: ApiRequest, { gitVersion }: VersionInfo): ApiResponse {
  if ((request.headers['accept'] ?? '').includes('proto-openapi'))
    return { status: 200, headers: { 'content-type': protobuf }, body: document(gitVersion) };
  const body = { swagger: '2.0', info: { title, version: gitVersion }, paths: {}, definitions: {} };
  const headers = { 'content-type': 'application/json' };
  return { status: 200, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** gnostic's `openapi.v2.Document`: 1 = swagger, 2 = info (1 = title, 2 = version), 8 = paths. */
function document(version: string): Buffer {
  const info = Buffer.concat([field(1, Buffer.from(title)), field(2, Buffer.from(version))]);
  return Buffer.concat([field(1, Buffer.from('2.0')), field(2, info), field(8, Buffer.alloc(0))]);
}

/** A length-delimited protobuf field; its length must fit into one byte. */
function field(number: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
}
