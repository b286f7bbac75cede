/** The library that reads and writes certificates: loaded when needed, because it costs half a second. */
export async function x509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}
