/** URIs as clients send them, which may be malformed. */

/** The last part of a URI's path as a person reads it; as it is written where that is no percent-encoding of UTF-8. */
export function nameOfUri(uri: string): string {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
