import { StringDecoder } from 'node:string_decoder';

/** Longest line of a watch stream, in UTF-16 units: several times the largest object a server takes. */
const maxLineLength = 32 * 1024 * 1024;

/** Cuts a byte stream into its non-empty lines, as they come. Throws `RangeError` on a line too long. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLength = maxLineLength,
): AsyncGenerator<string, void, void> {
  const decoder = new StringDecoder('utf8');
  // Parts of the unfinished line: joined once, so that many small chunks stay linear.
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let text = decoder.write(chunk);
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      parts.push(text.slice(0, end));
      const line = parts.join('').trim();
      parts = [];
      length = 0;
      text = text.slice(end + 1);
      if (line !== '') yield line;
    }
    parts.push(text);
    length += text.length;
    if (length > maxLength) throw new RangeError(`a line is longer than ${maxLength} characters`);
  }
  const last = (parts.join('') + decoder.end()).trim();
  if (last !== '') yield last;
}
