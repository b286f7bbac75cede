/**
 * The string formats that are checked. What is not listed is accepted, whatever the text.
 * Source: kube-openapi v0.36 `pkg/validation/strfmt`, and the list in apiextensions-apiserver
 * `validation/formats.go`.
 */
import { isIP } from 'node:net';
import { validateDns1123Label, validateDns1123Subdomain } from '../../api/names.ts';

/** Whether `text` is of the format; `undefined` when the format is not known. */
export function matchesFormat(format: string, text: string): boolean | undefined {
  return formats.get(format)?.(text);
}

type Check = (text: string) => boolean;

const formats: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['bsonobjectid', pattern(/^[0-9a-fA-F]{24}$/)],
  ['uri', isUri],
  ['email', pattern(/^[^\s@<>(),;:"[\]]+@[^\s@<>(),;:"[\]]+$/)],
  ['hostname', isHostname],
  ['ipv4', (text) => isIP(text) === 4],
  ['ipv6', (text) => isIP(text) === 6 && !text.includes('%')],
  ['cidr', isCidr],
  ['mac', isMac],
  ['uuid', uuid('[0-9a-f]', '[0-9a-f]')],
  ['uuid3', uuid('3', '[0-9a-f]')],
  ['uuid4', uuid('4', '[89ab]')],
  ['uuid5', uuid('5', '[89ab]')],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', pattern(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', pattern(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['rgbcolor', isRgbColor],
  ['byte', pattern(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)],
  ['password', () => true],
  ['date', isDate],
  ['duration', isDuration],
  ['date-time', isDateTime],
  ['datetime', isDateTime],
  ['micro-time', isMicroTime],
  ['quantity', pattern(quantity())],
  ['k8s-short-name', (text) => validateDns1123Label(text).length === 0],
  ['k8s-long-name', (text) => validateDns1123Subdomain(text).length === 0],
]);

function pattern(expression: RegExp): Check {
  return (text) => expression.test(text);
}

/** Upstream does not know this format; the kinds of this project use it. */
function quantity(): RegExp {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(|[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)$/;
}

function uuid(version: string, variant: string): Check {
  const rest = '[0-9a-f]{4}-?';
  const expression = `^[0-9a-f]{8}-?${rest}${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`;
  return pattern(new RegExp(expression, 'i'));
}

function isUri(text: string): boolean {
  // Go's ParseRequestURI: an absolute path or a scheme, and no blanks or control characters.
  if (/[\s\p{Cc}]/u.test(text)) return false;
  if (text.startsWith('/')) return true;
  return /^[A-Za-z][A-Za-z0-9+.-]*:[^#]*/.test(text);
}

function isHostname(text: string): boolean {
  if (text.length === 0 || text.length > 255) return false;
  return text
    .replace(/\.$/, '')
    .split('.')
    .every((label) => /^(?!-)[a-zA-Z0-9\u00a1-\uffff-]{1,63}(?<!-)$/.test(label));
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  const family = isIP(address);
  if (more !== undefined || family === 0 || !/^(0|[1-9]\d{0,2})$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}

function isMac(text: string): boolean {
  const sizes = '{5}|{7}|{19}'.split('|');
  return (
    sizes.some(
      (size) =>
        new RegExp(`^[0-9a-f]{2}([:-][0-9a-f]{2})${size}$`, 'i').test(text) &&
        !(text.includes(':') && text.includes('-')),
    ) || /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$|^[0-9a-f]{4}(\.[0-9a-f]{4}){3}$/i.test(text)
  );
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  let sum = 0;
  for (const [i, c] of [...digits].entries()) sum += (i + 1) * (c === 'X' ? 10 : Number(c));
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  let sum = 0;
  for (const [i, c] of [...digits].entries()) sum += Number(c) * (i % 2 === 0 ? 1 : 3);
  return sum % 10 === 0;
}

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (!/^\d{13,19}$/.test(digits)) return false;
  let sum = 0;
  for (const [i, c] of [...digits].reverse().entries()) {
    const value = Number(c) * (i % 2 === 0 ? 1 : 2);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

function isRgbColor(text: string): boolean {
  const match = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return match?.slice(1).every((part) => Number(part) <= 255) ?? false;
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && day > 0;
}

function isDateTime(text: string): boolean {
  const match = /^([^Tt]*)[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.exec(text);
  if (match === null || !isDate(match[1] ?? '')) return false;
  const [hour, minute, second] = [Number(match[2]), Number(match[3]), Number(match[4])];
  return hour < 24 && minute < 60 && second <= 60;
}

/** Go's MicroTime reads six digits after the second, no more and no fewer. */
function isMicroTime(text: string): boolean {
  return /\.\d{6}(Z|[+-]\d{2}:\d{2})$/.test(text) && isDateTime(text);
}

/** Go's own durations, and `3 days`, `2 weeks` beside them. */
function isDuration(text: string): boolean {
  if (/^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/.test(text)) return true;
  const units =
    'ns|nano|nanos|nanosec|nanosecs|nanosecond|nanoseconds|us|µs|micro|micros|microsecond|microseconds|' +
    'ms|milli|millis|millisecond|milliseconds|s|sec|secs|second|seconds|m|min|mins|minute|minutes|' +
    'h|hr|hrs|hour|hours|d|day|days|w|wk|wks|week|weeks';
  return new RegExp(`^(\\d+)\\s*(${units})$`).test(text.trim().toLowerCase());
}
