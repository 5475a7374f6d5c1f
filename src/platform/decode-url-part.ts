/** A part of an address without its %XX; as it is when a `%` in it stands for itself, as in a password nobody encoded. */
export function decodeUrlPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
