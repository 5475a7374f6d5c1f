import { SHORTEST_MASKED, secretForms, withoutSpace } from './secret-forms.ts';

/** Masks a stream of chunks as one text. */
export interface LineMasker {
  /** Takes the next chunk and gives back, masked, what can no longer become part of a secret. */
  push(chunk: string): string;
  /** Gives back the rest, masked. */
  end(): string;
}

export interface Redactor {
  registerSecret(name: string, value: string): void;
  redact(text: string): string;
  createLineMasker(): LineMasker;
  /** Names of secrets that are too short to be masked. */
  shortSecrets(): string[];
}

interface Form {
  text: string;
  name: string;
}

interface Span {
  from: number;
  to: number;
  name: string;
}

/** The text without white space: programs wrap and indent what they print, and hex dumps put spaces between bytes. */
interface Shadow {
  text: string;
  /** Where a character of the shadow stands in the text. */
  positionOf(at: number): number;
}

/** Forms by a hash of their first three characters, so that a text is scanned once however many secrets there are. */
interface FormIndex {
  maybe: Uint8Array;
  byStart: Map<number, Form[]>;
  all: Form[];
  longest: number;
}

const BUCKETS = 65_536;
/** Once a line has ended it is held back only if at least this much of a secret may have begun in it: else most lines would come late. */
const HELD_AFTER_LINE_END = 3;

function startHash(text: string, at: number): number {
  return (text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2)) % BUCKETS;
}

function addForm(index: FormIndex, form: Form): void {
  const hash = startHash(form.text, 0);
  index.maybe[hash] = 1;
  const list = index.byStart.get(hash);
  if (list) list.push(form);
  else index.byStart.set(hash, [form]);
  index.all.push(form);
  index.longest = Math.max(index.longest, form.text.length);
}

function shadowOf(text: string): Shadow {
  const bare = withoutSpace(text);
  let positions: Uint32Array | null = null; // made on the first hit: most texts have none
  const positionOf = (at: number): number => {
    positions ??= positionsOf(text, bare.length);
    return positions[at] ?? text.length;
  };
  return { text: bare, positionOf: bare.length === text.length ? (at) => at : positionOf };
}

function positionsOf(text: string, size: number): Uint32Array {
  const positions = new Uint32Array(size);
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 9 && code !== 10 && code !== 13) positions[count++] = at;
  }
  return positions;
}

/** Where secrets stand in the text; spans that touch or overlap are one. */
function findSpans(index: FormIndex, shadow: Shadow): Span[] {
  const spans: Span[] = [];
  const last = shadow.text.length - SHORTEST_MASKED;
  for (let at = 0; at <= last; at++) {
    const hash = startHash(shadow.text, at);
    if (index.maybe[hash] === 0) continue;
    let best: Form | null = null;
    for (const form of index.byStart.get(hash) ?? []) {
      if ((best === null || form.text.length > best.text.length) && shadow.text.startsWith(form.text, at)) best = form;
    }
    if (best === null) continue;
    const from = shadow.positionOf(at);
    const to = shadow.positionOf(at + best.text.length - 1) + 1;
    const before = spans.at(-1);
    if (before && from <= before.to) before.to = Math.max(before.to, to);
    else spans.push({ from, to, name: best.name });
  }
  return spans;
}

/** Replaces the spans between the two places; what lies before `from` has been given away already. */
function maskSpans(
  text: string,
  spans: Span[],
  { from, to }: { from: number; to: number },
  maskOf: (name: string) => string,
): string {
  let result = '';
  let at = from;
  for (const span of spans) {
    if (span.to <= at) continue;
    if (span.from >= to) break;
    result += text.slice(at, Math.max(at, span.from)) + maskOf(span.name);
    at = span.to;
  }
  return result + text.slice(at, Math.max(at, to));
}

/** Where the text must be cut because a secret may have begun there and go on in the next chunk; text.length when nothing is held. */
function heldFrom(index: FormIndex, text: string, shadow: Shadow): number {
  let earliest = text.length;
  const lineEnded = /[\r\n][ \t]*$/.test(text);
  for (const form of index.all) {
    const size = shadow.text.length;
    const first = Math.max(0, size - form.text.length + 1);
    for (let at = shadow.text.indexOf(form.text[0] ?? '', first); at !== -1;) {
      const position = shadow.positionOf(at);
      if (position >= earliest) break;
      if (form.text.startsWith(shadow.text.slice(at)) && (!lineEnded || size - at >= HELD_AFTER_LINE_END)) {
        earliest = position;
        break;
      }
      at = shadow.text.indexOf(form.text[0] ?? '', at + 1);
    }
  }
  return earliest;
}

function createMasker(index: FormIndex, maskOf: (name: string) => string): LineMasker {
  let seen = ''; // given away already, kept so that a secret that began there is recognised
  let pending = '';
  const take = (isEnd: boolean): string => {
    const text = seen + pending;
    const shadow = shadowOf(text);
    const spans = findSpans(index, shadow);
    let cut = isEnd ? text.length : heldFrom(index, text, shadow);
    for (const span of spans) if (span.from < cut && cut < span.to) cut = span.from;
    cut = Math.max(cut, seen.length);
    const result = maskSpans(text, spans, { from: seen.length, to: cut }, maskOf);
    pending = text.slice(cut);
    seen = contextOf(text.slice(0, cut), index.longest);
    return result;
  };
  return {
    push(chunk) {
      if (index.all.length === 0) return chunk;
      pending += chunk;
      return take(false);
    },
    end: () => take(true),
  };
}

/** The end of the text that holds `size` characters besides white space. */
function contextOf(text: string, size: number): string {
  // White space is not counted, so the text is bounded too: no program indents a wrapped secret by more than it is long.
  const tail = text.slice(-4 * size);
  const shadow = shadowOf(tail);
  return shadow.text.length <= size ? tail : tail.slice(shadow.positionOf(shadow.text.length - size));
}

/** A set of secrets and the functions that mask them; the program has one, tests make their own. */
export function createRedactor(): Redactor {
  const index: FormIndex = { maybe: new Uint8Array(BUCKETS), byStart: new Map(), all: [], longest: 0 };
  const values = new Set<string>();
  const short = new Set<string>();
  const findIn = (text: string): Span[] => findSpans(index, shadowOf(text));
  const maskOf = (name: string): string => {
    const mask = `[masked ${name}]`;
    return findIn(mask).length === 0 ? mask : '***';
  };
  return {
    registerSecret(name, value) {
      if (value === '' || values.has(value)) return;
      if (withoutSpace(value).length < SHORTEST_MASKED) {
        short.add(name);
        return;
      }
      values.add(value);
      for (const text of secretForms(value)) addForm(index, { text, name });
    },
    redact(text) {
      if (index.all.length === 0) return text;
      const spans = findIn(text);
      return spans.length === 0 ? text : maskSpans(text, spans, { from: 0, to: text.length }, maskOf);
    },
    createLineMasker: () => createMasker(index, maskOf),
    shortSecrets: () => [...short].sort(),
  };
}

const program = createRedactor();

/** From now on the value is masked wherever it leaves the program, in every form of `secretForms()`. Under 6 characters it is only reported. */
export function registerSecret(name: string, value: string): void {
  program.registerSecret(name, value);
}

/** The text with every registered secret replaced by `[masked NAME]`, also where it was wrapped over lines. */
export function redact(text: string): string {
  return program.redact(text);
}

/** Masks output that arrives in chunks; a secret split over chunks is found, one wrapped over lines shows at most 2 of its characters. */
export function createLineMasker(): LineMasker {
  return program.createLineMasker();
}

/** Names of registered secrets with fewer than 6 characters: they are not masked, the person should be told. */
export function shortSecrets(): string[] {
  return program.shortSecrets();
}
