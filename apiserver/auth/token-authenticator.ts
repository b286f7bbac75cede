/** Bearer tokens: several ways to tell whose one is, asked in turn. */
import type { UserInfo } from '../request/request.ts';

export interface TokenIdentity {
  readonly user: UserInfo;
  /** Which of the wanted audiences the token is for. */
  readonly audiences: readonly string[];
}

/**
 * Whose the token is; `undefined` when it is none of this authenticator's. `audiences` are those of whom one
 * must be meant. Throws 401 with the reason for a token that is genuine and does not hold.
 */
export type TokenAuthenticator = (
  token: string,
  audiences: readonly string[],
  signal: AbortSignal,
) => Promise<TokenIdentity | undefined>;

/** The first that knows the token; what an earlier one threw is thrown when none does. */
export function firstOf(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return async (token, audiences, signal) => {
    let failure: unknown;
    for (const authenticator of authenticators) {
      try {
        const identity = await authenticator(token, audiences, signal);
        if (identity !== undefined) return withAuthenticated(identity);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  };
}

/** For tokens that say nothing of audiences: they are for the API itself. */
export function forApi(
  own: readonly string[],
  userOf: (token: string) => UserInfo | undefined,
): TokenAuthenticator {
  return async (token, wanted) => {
    const audiences = own.filter((each) => wanted.includes(each));
    const user = audiences.length === 0 ? undefined : userOf(token);
    return user === undefined ? undefined : { user, audiences };
  };
}

function withAuthenticated({ user, audiences }: TokenIdentity): TokenIdentity {
  return { user: authenticated(user), audiences };
}

/** With the group of everybody who is known, last and once. */
export function authenticated(user: UserInfo): UserInfo {
  const everybody = 'system:authenticated';
  return { ...user, groups: [...user.groups.filter((group) => group !== everybody), everybody] };
}
