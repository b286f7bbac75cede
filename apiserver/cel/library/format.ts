/** Named formats of texts. Source: Kubernetes `apiserver/pkg/cel/library/format.go`. */
import {
  validateDns1035Label,
  validateDns1123Label,
  validateDns1123Subdomain,
  validateLabelValue,
  validateQualifiedName,
} from '../../../api/names.ts';
import { matchesFormat } from '../../schema/formats.ts';
import { declare, type Overload } from '../functions.ts';
import { ListValue, none, type Opaque, OptionalValue } from '../values.ts';

type Validate = (text: string) => readonly string[];

class Format implements Opaque {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly validate: Validate;
  /** How long its expression is held to be, for costs. */
  readonly size: number;

  constructor(name: string, validate: Validate, size: number) {
    this.name = name;
    this.validate = validate;
    this.size = size;
  }

  equals(other: Format): boolean {
    return this.name === other.name;
  }
}

const regexLength = 30;

const formats: ReadonlyMap<string, Format> = new Map(
  Object.entries<Validate>({
    dns1123Label: validateDns1123Label,
    dns1123Subdomain: validateDns1123Subdomain,
    dns1035Label: validateDns1035Label,
    qualifiedName: validateQualifiedName,
    dns1123LabelPrefix: (text) => validateDns1123Label(asPrefix(text)),
    dns1123SubdomainPrefix: (text) => validateDns1123Subdomain(asPrefix(text)),
    dns1035LabelPrefix: (text) => validateDns1035Label(asPrefix(text)),
    labelValue: validateLabelValue,
    uri: schemaFormat('uri'),
    uuid: schemaFormat('uuid'),
    byte: schemaFormat('byte', 'invalid base64'),
    date: schemaFormat('date'),
    datetime: schemaFormat('date-time', 'invalid datetime'),
  }).map(([name, validate]) => [name, new Format(name, validate, regexLength)]),
);

/** What a generated name begins with may end in a dash. */
function asPrefix(text: string): string {
  return text.endsWith('-') ? `${text.slice(0, -1)}a` : text;
}

function schemaFormat(format: string, message = `invalid ${format}`): Validate {
  return (text) => (matchesFormat(format, text) === false ? [message] : []);
}

export const formatLibrary: readonly Overload[] = [
  ...[...formats].map(([name, format]) =>
    declare(`format.${name}(): kubernetes.NamedFormat`, () => format),
  ),
  declare('format.named(string): optional(kubernetes.NamedFormat)', (name: string) => {
    const format = formats.get(name);
    return format === undefined ? none : new OptionalValue(format);
  }),
  declare(
    '<kubernetes.NamedFormat>.validate(string): optional(list(string))',
    (format: Format, text: string) => {
      const errors = format.validate(text);
      return errors.length === 0 ? none : new OptionalValue(new ListValue(errors));
    },
    {
      cost: ([size = 1, text = 1]) => Math.ceil((1 + text) * 0.1) * Math.ceil(size * 0.25),
    },
  ),
];
