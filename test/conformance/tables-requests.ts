/** Tables of what a request says: its path, its form of answer, its page, its manager, its owners. */
import { applyJsonPatch } from '../../apiserver/patch/index.ts';
import { negotiate } from '../../apiserver/present/accept.ts';
import { accessInfo, requestInfo } from '../../apiserver/request/request-info.ts';
import { dedupeOwners } from '../../apiserver/verbs/admit.ts';
import { parseRevision } from '../../apiserver/verbs/asked-object.ts';
import { decodeContinue } from '../../apiserver/verbs/continue-token.ts';
import { writeParameters } from '../../apiserver/verbs/options.ts';
import { parseYaml } from '../../apiserver/wire/yaml.ts';
import type { Json } from './json-path.ts';
import {
  byTest,
  errorOf,
  failed,
  is,
  leftOut,
  passed,
  succeeds,
  type Tables,
  type Verdict,
} from './verdict.ts';

export const requestTables: Tables = {
  apiserver__pkg__endpoints__request__requestinfo: byTest({
    TestGetAPIRequestInfo: requestOf,
    TestSelectorParsing: requestOf,
    TestGetNonAPIRequestInfo: ({ url, expected }) =>
      is(infoOf('GET', url).isResource, expected, String(url)),
  }),
  apiserver__pkg__endpoints__handlers__negotiation__negotiate: byTest({ TestNegotiate: accept }),
  apiserver__pkg__endpoints__handlers__create: byTest({ TestManagerOrUserAgent: managerName }),
  apiserver__pkg__endpoints__handlers__rest: byTest({
    TestDedupOwnerReferences: ({ ownerReferences, expected, name }) => {
      const object = { metadata: { ownerReferences } };
      dedupeOwners(object, []);
      return is(object.metadata.ownerReferences, expected, name);
    },
    TestParseYAMLWarnings: ({ yaml, expected, name }) =>
      is(parseYaml(yaml).duplicates.length, (expected ?? []).length, name),
    TestJSONPatch: jsonPatch,
  }),
  apiserver__pkg__storage__continue: byTest({ Test_decodeContinue: page }),
  apiserver__pkg__storage__api_object_versioner: byTest({ TestEtcdParseResourceVersion: version }),
};

function infoOf(method: Json, url: Json) {
  const { pathname, searchParams } = new URL(String(url), 'http://server');
  return accessInfo(requestInfo(String(method), pathname, searchParams));
}

/** What the row expects of a request, as far as it says it. A row of text is a path without a resource. */
function requestOf(row: Json): Verdict {
  if (typeof row === 'string') return is(infoOf('GET', row).isResource, false, row);
  if (row.expectedVerb === 'proxy') return leftOut('the verb `proxy` is of paths long gone');
  const info = infoOf(row.method, row.url);
  const got: Readonly<Record<string, string>> = {
    expectedVerb: info.verb,
    expectedAPIGroup: info.group,
    expectedAPIVersion: info.version,
    expectedNamespace: info.namespace,
    expectedResource: info.resource,
    expectedSubresource: info.subresource,
    expectedName: info.name,
  };
  const asked = Object.keys(got).filter((key) => row[key] !== undefined);
  const pick = (from: Json) => Object.fromEntries(asked.map((key) => [key, from[key]]));
  return is(pick(got), pick(row), `${row.method} ${row.url}`);
}

/** Rows about servers that know other media types than this one say nothing of it. */
function accept({ accept: header, contentType, req, params }: Json): Verdict {
  if (contentType === 'application/protobuf') return leftOut('protobuf is read, never answered');
  if (req?.URL !== undefined || req?.Header?.['User-Agent'] !== undefined)
    return leftOut('who gets indented JSON without asking is decided where the answer is written');
  const sent = req?.Header?.Accept?.[0] ?? header;
  if (contentType === '' && sent !== 'application') return leftOut('a server without media types');
  const asked = { value: undefined as ReturnType<typeof negotiate> | undefined };
  const error = errorOf(() => {
    asked.value = negotiate(sent, 'object');
  });
  if (contentType === '') return is(error !== undefined, true, sent);
  const { mediaType, pretty } = asked.value ?? {};
  return is([mediaType, pretty], [contentType, params?.pretty === '1'], sent);
}

function managerName({ manager, userAgent, expected }: Json): Verdict {
  const query = new URLSearchParams(manager === '' ? {} : { fieldManager: manager });
  // Only the request is looked at.
  const context = {
    request: { query, headers: { 'user-agent': userAgent } },
  } as unknown as Parameters<typeof writeParameters>[0];
  return is(writeParameters(context, 'PatchOptions').fieldManager, expected, userAgent);
}

function jsonPatch({ patch, expectedError, name }: Json): Verdict {
  const pod = { metadata: { name: 'podA', finalizers: ['foo'] } };
  const error = errorOf(() => applyJsonPatch(pod, JSON.parse(patch)));
  if (expectedError === '') return error === undefined ? passed : failed(name, error);
  // Syntax is told by whoever reads the body.
  return is(error !== undefined, true, name);
}

function page({ args, name, wantErr, wantFromKey, wantRv }: Json): Verdict {
  const run = () => decodeContinue(args.continueValue, args.keyPrefix);
  if (wantErr !== null) {
    const told = errorOf(run) ?? '';
    return told.startsWith(wantErr.$error) ? passed : failed(name, `${told}; ${wantErr.$error}`);
  }
  const { at, after } = run();
  return is([after, Number(at)], [wantFromKey, wantRv], name);
}

function version({ Version: text, ExpectVersion: expected, Err: wrong }: Json): Verdict {
  if (text === undefined) return leftOut('a function, not a version');
  if (text === '') return leftOut('empty is asked for before it is read');
  if (wrong)
    return is(
      succeeds(() => parseRevision(text)),
      false,
      text,
    );
  return is(Number(parseRevision(text)), expected, text);
}
