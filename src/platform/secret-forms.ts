/** Values shorter than this would mask ordinary words ("LIVE" in "DELIVERY"); they are reported instead. */
export const SHORTEST_MASKED = 6;

/** A line of a longer secret (a PEM key) is a secret of its own from this length on; shorter ones are words. */
const SHORTEST_LINE = 8;

/** The text without spaces, tabs and line breaks: secrets are looked for and compared like this, because programs wrap what they print. */
export function withoutSpace(text: string): string {
  return text.replace(/[ \t\r\n]+/g, '');
}

/** Every text in which a value may leave a program: as it is, base64, hex, and escaped for URL, JSON, XML and shell. Longest first, without white space. */
export function secretForms(value: string): string[] {
  const forms = new Set<string>();
  for (const text of [value, value.trim()]) {
    addEscaped(forms, text);
    addEncoded(forms, text);
  }
  for (const line of value.split(/[\r\n]+/)) {
    const trimmed = line.trim();
    if (trimmed.length >= SHORTEST_LINE && !trimmed.startsWith('-----')) forms.add(trimmed);
  }
  const normal = [...forms].map(withoutSpace);
  return [...new Set(normal)].filter((form) => form.length >= SHORTEST_MASKED).sort((a, b) => b.length - a.length);
}

function addEscaped(forms: Set<string>, text: string): void {
  forms.add(text);
  const json = JSON.stringify(text).slice(1, -1);
  // PHP escapes the slash, Python and Go everything that is not ASCII or could be HTML.
  const ascii = json.replace(/[^\x20-\x7e]/g, unicodeEscape);
  for (const form of [json, json.replaceAll('/', '\\/'), ascii, ascii.replace(/[<>&]/g, unicodeEscape)]) {
    forms.add(form);
    // JSON inside JSON: what a log of an HTTP body looks like.
    forms.add(JSON.stringify(form).slice(1, -1));
  }
  const url = encodeUrl(text);
  const strict = url.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  for (const form of [url, strict, strict.replaceAll('%20', '+')]) {
    forms.add(form);
    forms.add(form.replace(/%[0-9A-F]{2}/g, (c) => c.toLowerCase()));
  }
  for (const form of formsInUrl(text)) forms.add(form);
  const xml = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  forms.add(xml);
  forms.add(xml.replaceAll('"', '&quot;').replaceAll("'", '&#39;'));
  // What `sh -x` prints.
  forms.add(text.replaceAll("'", `'\\''`));
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** What is left of it after a program has read it as part of an address: each place of an address escapes other characters. */
function formsInUrl(text: string): string[] {
  const places = ['http://h/x', 'http://h/?x', 'http://h/#x'].map((before) => {
    const written = before + text;
    return URL.canParse(written) ? new URL(written).href.slice(before.length) : '';
  });
  const asPassword = `http://u:x${text}@h/`;
  return URL.canParse(asPassword) ? [...places, new URL(asPassword).password.slice(1)] : places;
}

// encodeURIComponent throws on half a surrogate pair, and a secret may be any text.
function encodeUrl(text: string): string {
  return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));
}

function addEncoded(forms: Set<string>, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  const hex = bytes.toString('hex');
  forms.add(hex);
  forms.add(hex.toUpperCase());
  for (const shift of [0, 1, 2] as const) {
    const core = base64Core(bytes, shift);
    forms.add(core);
    forms.add(core.replaceAll('+', '-').replaceAll('/', '_'));
  }
}

/** The characters of base64 that depend on the secret alone when `shift` (mod 3) bytes stand before it and anything after it. */
function base64Core(bytes: Buffer, shift: 0 | 1 | 2): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const from = shift === 0 ? 0 : shift + 1;
  const whole = (shift + bytes.length) % 3 === 0 ? encoded.length : encoded.length - 1;
  return encoded.slice(from, whole);
}
