/** Which object a request is about, and which state of it: its name and its revision. */
import { badRequest, StatusError } from '../../api/status.ts';
import { metaString } from '../storage/cached.ts';

/** The name in the body must be the URL's. */
export function checkName(name: string, object: Parameters<typeof metaString>[0]): void {
  const given = metaString(object, 'name');
  if (given === '') throw badRequest('name must be provided');
  if (given !== name)
    throw badRequest(
      `the name of the object (${given}) does not match the name on the URL (${name})`,
    );
}

/** A resourceVersion as a number; throws upstream's 500 when it is none. */
export function parseRevision(text: string): bigint {
  if (/^\d+$/.test(text)) return BigInt(text);
  throw new StatusError(
    500,
    '',
    `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}
