import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, type Redactor } from './redact.ts';
import { withoutSpace } from './secret-forms.ts';

const KEY = 'hunter2/swordfish+42';

function redactorWith(...values: string[]): Redactor {
  const redactor = createRedactor();
  values.forEach((value, at) => redactor.registerSecret(`S${at}`, value));
  return redactor;
}

function stream(redactor: Redactor, chunks: string[]): string {
  const masker = redactor.createLineMasker();
  return chunks.map((chunk) => masker.push(chunk)).join('') + masker.end();
}

/** Cuts the text at places given as fractions of its length. */
function split(text: string, places: number[]): string[] {
  const cuts = [...new Set([0, ...places.map((place) => Math.floor(place * text.length)), text.length])].sort(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((cut, at) => text.slice(cuts[at], cut));
}

function wrap(text: string, width: number): string {
  return text.replace(new RegExp(`.{1,${width}}`, 'gsu'), '$&\n');
}

describe('redact', () => {
  it('replaces a secret by its name and leaves the rest as it is', () => {
    expect(redactorWith(KEY).redact(`a ${KEY} b ${KEY}.`)).toBe('a [masked S0] b [masked S0].');
  });

  it('changes nothing when no secret is registered', () => {
    expect(createRedactor().redact(KEY)).toBe(KEY);
  });

  it.each(['/', '/?t=', '/#'])(
    'masks a secret that was read as part of the address http://h%s and printed again',
    (place) => {
      const secret = `a/9+7=6&4b"3 'x'`;
      const shown = new URL(`http://h${place}${secret}`).href;
      expect(shown).not.toContain(secret);
      expect(redactorWith(secret).redact(`${shown}: refused`)).toBe(`http://h${place}[masked S0]: refused`);
    },
  );

  it('does not mask a value under 6 characters, but reports its name', () => {
    const redactor = createRedactor();
    redactor.registerSecret('STAGE', 'LIVE');
    redactor.registerSecret('LONG', 'abcdef');
    redactor.registerSecret('EMPTY', '');
    expect(redactor.redact('DELIVERY abcdef')).toBe('DELIVERY [masked LONG]');
    expect(redactor.shortSecrets()).toEqual(['STAGE']);
  });

  it('leaves nothing of two secrets that overlap', () => {
    expect(redactorWith('abcdef123', '123xyzzy').redact('<abcdef123xyzzy>')).toBe('<[masked S0]>');
  });

  it('masks the longer of two secrets of which one begins with the other', () => {
    expect(redactorWith('password', 'password-and-more').redact('password-and-more')).toBe('[masked S1]');
  });

  it('does not print a mask in which a secret stands', () => {
    const redactor = createRedactor();
    redactor.registerSecret('masked', 'masked');
    expect(redactor.redact('a masked ball')).toBe('a *** ball');
  });

  it.each([
    ['hex', Buffer.from(KEY).toString('hex')],
    ['upper-case hex', Buffer.from(KEY).toString('hex').toUpperCase()],
    ['a URL', encodeURIComponent(KEY)],
    ['a URL in lower case', encodeURIComponent(KEY).replaceAll('%2F', '%2f').replaceAll('%2B', '%2b')],
    ['JSON of PHP', KEY.replaceAll('/', '\\/')],
  ])('masks a secret written as %s', (_, form) => {
    expect(redactorWith(KEY).redact(`<${form}>`)).toBe('<[masked S0]>');
  });

  it('masks the parts of base64 that depend on the secret, wherever it stands in the encoded text', () => {
    const redactor = redactorWith(KEY);
    for (const before of ['', 'u', 'us', 'use', 'user:', 'Basic user:']) {
      for (const after of ['', '\n', '!!', 'xyz']) {
        const bytes = Buffer.from(before + KEY + after);
        for (const encoding of ['base64', 'base64url'] as const) {
          const masked = redactor.redact(bytes.toString(encoding));
          expect(masked).toContain('[masked S0]');
          // At most one character on either side mixes bits of the secret with bits of its neighbours.
          expect(masked.length).toBeLessThan(
            bytes.toString(encoding).length - (KEY.length * 4) / 3 + 4 + '[masked S0]'.length,
          );
        }
      }
    }
  });

  it('masks a secret with quotes and line breaks in JSON, in JSON inside JSON, in XML and as sh -x prints it', () => {
    const value = `it's "quoted" & <more>\nsecond line of it é`;
    const redactor = redactorWith(value);
    const json = JSON.stringify(value);
    const ascii = json.replace('é', '\\u00e9');
    const xml = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    for (const text of [value, json, JSON.stringify(json), ascii, xml, value.replaceAll("'", `'\\''`)]) {
      expect(redactor.redact(text)).not.toMatch(/quoted|second|more/);
    }
  });

  it('masks each line of a key that is printed line by line', () => {
    const redactor = redactorWith('-----BEGIN KEY-----\nQUJDREVGR0hJSg\nS0xNTk9QUVJT\n-----END KEY-----\n');
    expect(redactor.redact('12: S0xNTk9QUVJT')).toBe('12: [masked S0]');
    expect(redactor.redact('-----BEGIN KEY-----')).toBe('-----BEGIN KEY-----');
  });

  it('masks a secret that was wrapped over lines, indented or not, at every width', () => {
    const redactor = redactorWith(KEY);
    for (let width = 1; width < KEY.length; width++) {
      for (const indent of ['', '    ', '\t']) {
        const text = wrap(KEY, width).replaceAll('\n', `\n${indent}`);
        expect(redactor.redact(`before\n${text}`)).toMatch(/^before\n\[masked S0\]\s*$/);
        expect(redactor.redact(text.replaceAll('\n', '\r\n')).trim()).toBe('[masked S0]');
      }
    }
  });

  it('masks hex bytes with spaces between them', () => {
    const dump = Buffer.from(KEY).toString('hex').replace(/../g, '$& ').trim();
    expect(redactorWith(KEY).redact(`<${dump}>`)).toBe('<[masked S0]>');
  });

  it('reports a value that is short but for its spaces', () => {
    expect(redactorWith('a b c d e').shortSecrets()).toEqual(['S0']);
  });

  it('finds the secret in a text of 1 MiB with 200 secrets without trying each at each place', () => {
    const redactor = redactorWith(...Array.from({ length: 200 }, (_, at) => `secret-number-${at}-${'x'.repeat(at)}`));
    const text = 'an ordinary line of a log file\n'.repeat(35_000);
    expect(redactor.redact(`${text}secret-number-7-xxxxxxx`)).toBe(`${text}[masked S7]`);
  });
});

describe('line masker', () => {
  it('gives a line without a secret back at once', () => {
    const masker = redactorWith(KEY).createLineMasker();
    expect(masker.push('Step 1/8 done\n')).toBe('Step 1/8 done\n');
  });

  it('gives back all of the text, also what it held back', () => {
    const masker = redactorWith(KEY).createLineMasker();
    expect(masker.push(`Ends with ${KEY.slice(0, 9)}`)).toBe('Ends with ');
    expect(masker.end()).toBe(KEY.slice(0, 9));
  });

  it('goes on when what looked like a secret is none', () => {
    const masker = redactorWith(KEY).createLineMasker();
    expect(masker.push('hunter2') + masker.push(' is what I see')).toBe('hunter2 is what I see');
  });

  it('masks a secret that comes in single characters', () => {
    expect(stream(redactorWith(KEY), `a ${KEY} b`.split(''))).toBe('a [masked S0] b');
  });

  it('masks two secrets that overlap once, also when the second is complete only in the next chunk', () => {
    const redactor = redactorWith('abcdef123', '123xyzzy');
    expect(stream(redactor, ['<abcdef123', 'xyzzy>'])).toBe('<[masked S0]>');
    expect(stream(redactor, ['<abcdef123', ' xyzzy>'])).toBe('<[masked S0]>');
    expect(stream(redactor, ['<abcdef123', ' and>'])).toBe('<[masked S0] and>');
  });

  it('waits for the longer of two secrets', () => {
    const redactor = redactorWith('password', 'password-and-more');
    expect(stream(redactor, ['x password', '-and', '-more y'])).toBe('x [masked S1] y');
    expect(stream(redactor, ['x password', '-and y'])).toBe('x [masked S0]-and y');
  });

  it('shows no more than two characters of a secret wrapped over lines that come one by one', () => {
    const redactor = redactorWith(KEY);
    for (let width = 1; width < KEY.length; width++) {
      const lines = wrap(KEY, width).split(/(?<=\n)/);
      const shown = stream(redactor, lines).replaceAll(/\[masked S0\]|\s/g, '');
      expect(shown.length).toBeLessThanOrEqual(2);
    }
  });
});

describe('a sentinel', () => {
  const secret = fc
    .oneof(
      fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 60 }),
      fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }),
      fc.base64String({ minLength: 8, maxLength: 80 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 20 }),
    )
    .filter((value) => withoutSpace(value).length >= 8 && !/[\r\n]/.test(value) && value === value.trim());
  // Neither letters of a mask nor of base64: what is left of a secret can only come from the secret.
  const filler = fc.string({ unit: fc.constantFrom('.', ' ', '~', '|', '\n'), maxLength: 30 });
  const encodings: Record<string, (value: string) => string> = {
    raw: (value) => value,
    json: (value) => JSON.stringify(value),
    url: (value) => encodeURIComponent(value),
    hex: (value) => Buffer.from(value).toString('hex'),
    base64: (value) => Buffer.from(value).toString('base64'),
    'base64 after 1': (value) => Buffer.from(`:${value}`).toString('base64'),
    'base64 after 2': (value) => Buffer.from(`::${value}`).toString('base64'),
    base64url: (value) => Buffer.from(value).toString('base64url'),
    wrapped: (value) => wrap(value, 5),
  };

  it('is in no output, whatever its characters, its encoding and the places at which the output was split', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(secret, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(filler, fc.constantFrom(...Object.keys(encodings)), fc.nat({ max: 2 })), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (secrets, parts, places) => {
          const redactor = redactorWith(...secrets);
          const pieces = parts.map(([space, encoding, which]) => {
            const written = encodings[encoding]?.(secrets[which % secrets.length] ?? '') ?? '';
            return { space, written };
          });
          const text = `${pieces.map((piece) => `${piece.space} ${piece.written}`).join('')} .`;
          for (const output of [redactor.redact(text), stream(redactor, split(text, places))]) {
            const flat = output.replaceAll(/\[masked S\d\]|\*\*\*/g, '\u0000').replaceAll(/[ \t\r\n]+/g, '');
            for (const value of secrets) expect(flat).not.toContain(withoutSpace(value));
            for (const { written } of pieces) {
              // 12 characters: what is left of base64 at its edges, and JSON's quotes, are shorter.
              for (let at = 0; at + 12 <= written.length; at++) {
                const inside = written.slice(at, at + 12);
                if (!/[\s"]/.test(inside) && !/^[. ~|]+$/.test(inside)) expect(flat).not.toContain(inside);
              }
            }
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('gives the same text streamed as at once when nothing is secret in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (text, places) => {
          expect(stream(redactorWith('\u0001never-in-there\u0001'), split(text, places))).toBe(text);
        },
      ),
    );
  });
});
