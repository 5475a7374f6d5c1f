import type { YAMLError } from 'yaml';

interface Complaint {
  message: string;
  fix: string;
}

const QUOTE = 'Put the text in quotes: "…".';

// A criterion like `> 5 failures` at the start of a line.
const BLOCK_SCALAR: Complaint = { message: 'a text may not start with > or | unless it is quoted', fix: QUOTE };

// Own words instead of the parser's: its messages quote the text around the fault, which may be a secret.
const COMPLAINTS: Record<YAMLError['code'], Complaint> = {
  ALIAS_PROPS: { message: 'an alias (*name) carries an anchor or tag of its own', fix: 'Write the alias alone.' },
  BAD_ALIAS: {
    message: 'the name of an anchor or alias is not allowed',
    fix: 'Use letters and digits: &name and *name.',
  },
  BAD_COLLECTION_TYPE: { message: 'the tag does not fit what follows', fix: 'Remove the tag (the word after the !).' },
  BAD_DIRECTIVE: {
    message: 'the line that starts with % is not understood',
    fix: 'Remove the line; quote a value that starts with %.',
  },
  BAD_DQ_ESCAPE: {
    message: 'a backslash in "…" starts an unknown escape',
    fix: "Write \\\\ for a backslash, or use '…', where backslashes mean themselves.",
  },
  BAD_INDENT: {
    message: 'the indentation does not fit',
    fix: 'Indent keys of one map alike, and close every [ and { that was opened.',
  },
  BAD_PROP_ORDER: {
    message: 'an anchor or tag stands before the sign of its line',
    fix: 'Write it after the - or the :.',
  },
  BAD_SCALAR_START: { message: 'a text may not start with this sign unless it is quoted', fix: QUOTE },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second "key: value" starts here',
    fix: 'Indent the keys of one map alike, each on its own line; quote a text that contains ": ".',
  },
  BLOCK_IN_FLOW: {
    message: 'an indented block stands inside [ ] or { }',
    fix: 'Write it in one style: either brackets or indented lines.',
  },
  DUPLICATE_KEY: { message: 'this key is there twice', fix: 'Keep one of the two.' },
  IMPOSSIBLE: { message: 'this cannot be read', fix: 'Write the line again.' },
  KEY_OVER_1024_CHARS: {
    message: 'the key is longer than 1024 characters',
    fix: 'Shorten it, or close the quote that was left open.',
  },
  MISSING_CHAR: {
    message: 'a sign is missing here',
    fix: 'Check the commas, colons, spaces and quotes around this place.',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a key runs over several lines',
    fix: 'Indent the keys of one map alike, and write "key: value".',
  },
  MULTIPLE_ANCHORS: { message: 'two anchors (&name) stand at one value', fix: 'Keep one of the two.' },
  MULTIPLE_DOCS: {
    message: 'a second document begins here',
    fix: 'Remove the --- line; one file describes one service.',
  },
  MULTIPLE_TAGS: { message: 'two tags (!name) stand at one value', fix: 'Remove the tags.' },
  NON_STRING_KEY: { message: 'a key is not a text', fix: 'Write the key as a plain word.' },
  RESOURCE_EXHAUSTION: {
    message: 'the file is too deep or too large to be read',
    fix: 'Write it without nesting so far.',
  },
  TAB_AS_INDENT: { message: 'a tab indents this line, which YAML does not allow', fix: 'Indent with spaces.' },
  TAG_RESOLVE_FAILED: {
    message: 'a tag (!name) is not known here',
    fix: 'Remove the tag; quote a text that starts with !.',
  },
  UNEXPECTED_TOKEN: {
    message: 'this does not fit here',
    fix: 'Indent the keys of one map alike; quote a text that starts with a special sign (> | @ ` % & * !).',
  },
};

// The parser's text tells these apart; none of them contains text of the file.
const CLOSER: readonly { pattern: RegExp; complaint: Complaint }[] = [
  {
    pattern: /Missing closing "quote/,
    complaint: { message: 'a " was opened and never closed', fix: 'Close it with ".' },
  },
  {
    pattern: /Missing closing 'quote/,
    complaint: { message: "a ' was opened and never closed", fix: "Close it with '; write '' for one inside." },
  },
  {
    pattern: /^Flow sequence .*end with a \]/,
    complaint: { message: 'a [ was opened and never closed', fix: 'Close it with ].' },
  },
  {
    pattern: /^Flow map .*end with a \}/,
    complaint: { message: 'a { was opened and never closed', fix: 'Close it with }.' },
  },
  {
    pattern: /^Missing ,/,
    complaint: {
      message: 'a comma is missing between two items',
      fix: 'Write a comma, or put an item with spaces in quotes.',
    },
  },
  {
    pattern: /^Implicit map keys need to be followed/,
    complaint: { message: 'a key has no colon', fix: 'Write "key: value" with a space after the colon.' },
  },
  {
    pattern: /^Sequence item without/,
    complaint: {
      message: 'the line fits neither the list nor the map around it',
      fix: 'Indent it like the lines it belongs to, or start it with "- ".',
    },
  },
  {
    pattern: /^Missing space after :/,
    complaint: { message: 'a space is missing after the colon', fix: 'Write "key: value".' },
  },
  {
    pattern: /directives-end|doc-start/,
    complaint: {
      message: 'the line that starts with % is not understood',
      fix: 'Remove the line; quote a value that starts with %.',
    },
  },
];

/** What is wrong and what to write, for an error of the YAML parser and the text of its line before it. */
export function explainYamlError(error: YAMLError, lineBefore: string): Complaint {
  if (/(^|[-:[,]) *[>|] *[^\s>|]*$/.test(lineBefore)) return BLOCK_SCALAR;
  const closer = CLOSER.find((one) => one.pattern.test(error.message));
  return closer?.complaint ?? COMPLAINTS[error.code];
}
