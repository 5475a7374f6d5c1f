// Answers of S3 are flat: elements with text, some of them in elements that repeat. That much is read here, and no attribute, comment or
// entity but the five of XML and numbered ones.

/** The text of the first element of that name, or null. */
export function textIn(xml: string, name: string): string | null {
  const [found] = elementsIn(xml, name);
  return found === undefined ? null : decode(found);
}

/** What stands inside of every element of that name, as it is written. */
export function elementsIn(xml: string, name: string): string[] {
  const found = xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?(?:/>|>([\\s\\S]*?)</${name}>)`, 'g'));
  return [...found].map(([, inner]) => inner ?? '');
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi,
    (whole, hex?: string, decimal?: string, word?: string) => {
      if (word !== undefined) return ENTITIES[word] ?? whole;
      return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    },
  );
}

/** Text that may stand in an element. */
export function encodeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
