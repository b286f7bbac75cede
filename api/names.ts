/**
 * Which names and keys are allowed. Every validator returns what is wrong, in upstream's words;
 * an empty list means all is well.
 * Source: Kubernetes apimachinery v0.32, `pkg/util/validation/validation.go`.
 */

/** A lower-case RFC 1123 label: `my-name`; at most 63 characters. */
export function validateDns1123Label(value: string): string[] {
  const errors = tooLong(value, 63);
  if (dns1123Label.test(value)) return errors;
  if (dns1123Subdomain.test(value)) return [...errors, 'must not contain dots'];
  return [...errors, mismatch(dns1123LabelRule)];
}

/** A lower-case RFC 1123 subdomain: `example.com`; at most 253 characters. What most names must be. */
export function validateDns1123Subdomain(value: string): string[] {
  return check(value, 253, dns1123Subdomain, dns1123SubdomainRule);
}

/** An RFC 1035 label, which starts with a letter: `abc-123`; at most 63 characters. */
export function validateDns1035Label(value: string): string[] {
  return check(value, 63, dns1035Label, dns1035LabelRule);
}

/** `name` or `prefix/name`: keys of labels and annotations, resource names, finalizers. */
export function validateQualifiedName(value: string): string[] {
  const parts = value.split('/');
  const errors: string[] = [];
  if (parts.length > 2) {
    const optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`a qualified name ${mismatch(qualifiedRule)} ${optional}`];
  }
  const [prefix, name = ''] = parts.length === 2 ? parts : [undefined, parts[0]];
  if (prefix === '') errors.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    errors.push(...validateDns1123Subdomain(prefix).map((e) => `prefix part ${e}`));
  }
  if (name === '') errors.push('name part must be non-empty');
  else errors.push(...tooLong(name, 63).map((e) => `name part ${e}`));
  if (!qualified.test(name)) errors.push(`name part ${mismatch(qualifiedRule)}`);
  return errors;
}

/** The value of a label: empty, or as the name part of a qualified name. */
export function validateLabelValue(value: string): string[] {
  return check(value, 63, labelValue, labelValueRule);
}

/** The name of an environment variable: any printable ASCII but `=`. */
export function validateEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[ -<>-~]+$/.test(value)
    ? []
    : [
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
      ];
}

/** A key of a ConfigMap or Secret; it may become a file name. */
export function validateConfigMapKey(value: string): string[] {
  const errors = check(value, 253, configMapKey, configMapKeyRule);
  if (value === '.') errors.push("must not be '.'");
  else if (value === '..') errors.push("must not be '..'");
  else if (value.startsWith('..')) errors.push("must not start with '..'");
  return errors;
}

/** The name of a container's port, an IANA service name; at most 15 characters. */
export function validatePortName(value: string): string[] {
  const errors = tooLong(value, 15);
  if (!/^[-a-z0-9]+$/.test(value)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) {
    errors.push('must not begin or end with a hyphen');
  }
  return errors;
}

/** A TCP or UDP port. */
export function validatePortNumber(value: number): string[] {
  return value >= 1 && value <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
}

/** A name that only has to fit into a URL path: those of roles and their bindings. */
export function validatePathSegment(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`);
}

interface Rule {
  readonly message: string;
  readonly pattern: string;
  readonly examples: readonly string[];
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dns1123LabelRule: Rule = {
  message:
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " +
    'and must start and end with an alphanumeric character',
  pattern: label,
  examples: ['my-name', '123-abc'],
};
const dns1123SubdomainRule: Rule = {
  message:
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
    'and must start and end with an alphanumeric character',
  pattern: `${label}(\\.${label})*`,
  examples: ['example.com'],
};
const dns1035LabelRule: Rule = {
  message:
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', " +
    'start with an alphabetic character, and end with an alphanumeric character',
  pattern: '[a-z]([-a-z0-9]*[a-z0-9])?',
  examples: ['my-name', 'abc-123'],
};
const qualifiedRule: Rule = {
  message:
    "must consist of alphanumeric characters, '-', '_' or '.', " +
    'and must start and end with an alphanumeric character',
  pattern: '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]',
  examples: ['MyName', 'my.name', '123-abc'],
};
const labelValueRule: Rule = {
  message:
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " +
    'and must start and end with an alphanumeric character',
  pattern: `(${qualifiedRule.pattern})?`,
  examples: ['MyValue', 'my_value', '12345'],
};
const configMapKeyRule: Rule = {
  message: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  pattern: '[-._a-zA-Z0-9]+',
  examples: ['key.name', 'KEY_NAME', 'key-name'],
};

const dns1123Label = whole(dns1123LabelRule);
const dns1123Subdomain = whole(dns1123SubdomainRule);
const dns1035Label = whole(dns1035LabelRule);
const qualified = whole(qualifiedRule);
const labelValue = whole(labelValueRule);
const configMapKey = whole(configMapKeyRule);

function whole(rule: Rule): RegExp {
  return new RegExp(`^(?:${rule.pattern})$`);
}

function check(value: string, maxLength: number, expression: RegExp, rule: Rule): string[] {
  const errors = tooLong(value, maxLength);
  if (!expression.test(value)) errors.push(mismatch(rule));
  return errors;
}

function tooLong(value: string, maxLength: number): string[] {
  return Buffer.byteLength(value) > maxLength
    ? [`must be no more than ${maxLength} characters`]
    : [];
}

function mismatch({ message, pattern, examples }: Rule): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}
