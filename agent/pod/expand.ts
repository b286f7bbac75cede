/**
 * Replaces `$(NAME)` by the variable of that name and `$$` by `$`; an unknown name stays as written.
 * Source: Kubernetes, "Define Dependent Environment Variables"; third_party/forked/golang/expansion.
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$';
    return variables.get(name) ?? whole;
  });
}
