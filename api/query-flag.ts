/**
 * A boolean query parameter as Kubernetes reads it: absent, `0` and `false` are false, everything else is
 * true; the client for Python says `True`.
 */
export function queryFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}
