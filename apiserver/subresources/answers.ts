/**
 * Questions that another part of the plane answers, such as where the scheduler would place something: read as a
 * subresource, or POSTed as a kind that is never stored. Who wires the parts hands in the answers.
 */
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, notFound } from '../../api/status.ts';
import { kindId } from '../registry/served-kind.ts';
import { askedKinds } from '../registry/virtual.ts';
import type { ApiResponse, RequestContext, UserInfo } from '../request/request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import { decodePlain } from '../verbs/body.ts';
import { methodNotAllowed } from '../verbs/create.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { respondInTurns } from '../verbs/respond.ts';
import { prepareViews, viewOf } from '../verbs/view.ts';

export interface Question {
  /** Who asks, who is known to be allowed to. */
  readonly user: UserInfo;
  readonly signal: AbortSignal;
}

/** Throw `StatusError`s. */
export interface Answers {
  /** By `plural.group/subresource` (`pods/why`): about `object`, as it is now. */
  readonly parts: Readonly<
    Record<string, (question: Question & { readonly object: JsonObject }) => Promise<JsonObject>>
  >;
  /** By plural, of the group berth.dev: to `body`, whose schema holds; `namespace` is empty where all are meant. */
  readonly asked: Readonly<
    Record<
      string,
      (
        question: Question & { readonly body: JsonObject; readonly namespace: string },
      ) => Promise<JsonObject>
    >
  >;
}

export const noAnswers: Answers = { parts: {}, asked: {} };

export interface AnswersDeps extends VerbDeps {
  readonly answers: Answers;
}

/** Undefined where nobody answers for that subresource. */
export function answerAbout(
  deps: AnswersDeps,
  request: KindRequest,
): Promise<ApiResponse> | undefined {
  const { kind, info } = request;
  const name = `${kindId(kind.group, kind.plural)}/${info.subresource}`;
  const answer = Object.hasOwn(deps.answers.parts, name) ? deps.answers.parts[name] : undefined;
  if (answer === undefined) return undefined;
  if (info.verb !== 'get') throw methodNotAllowed();
  return aboutCurrent(deps, request, answer);
}

async function aboutCurrent(
  deps: AnswersDeps,
  request: KindRequest,
  answer: NonNullable<Answers['parts'][string]>,
): Promise<ApiResponse> {
  const { kind, info, user } = request;
  const stored = await currentObject(deps, request);
  if (stored === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  await prepareViews(deps, request, [stored]);
  const { object } = viewOf(stored, kind);
  const { signal } = request.request;
  return respondInTurns(deps, 200, await answer({ object, user, signal }));
}

/** Whether the request is a question of its own. */
export function isAsked({ group, resource, subresource, verb }: RequestInfo): boolean {
  const known = group === 'berth.dev' && Object.hasOwn(askedKinds, resource);
  return known && subresource === '' && verb === 'create';
}

export async function answerTo(deps: AnswersDeps, context: RequestContext): Promise<ApiResponse> {
  const { info, request, user } = context;
  const answer = deps.answers.asked[info.resource];
  if (answer === undefined) throw notFound({ group: info.group, resource: info.resource }, '');
  const kind = askedKinds[info.resource] ?? '';
  const bytes = await request.body();
  // Other kinds that are not stored may be left out altogether; a question may not.
  if (bytes.length === 0) throw badRequest(`the request has no body: it must be a ${kind}`);
  const body = decodePlain(bytes, request.headers['content-type'], kind);
  const { namespace } = info;
  const { signal } = request;
  return respondInTurns(deps, 201, await answer({ body, namespace, user, signal }));
}
