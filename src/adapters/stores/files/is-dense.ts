const SAMPLES = 1024;
const VALUES = 256;

// Of equally frequent bytes two are equal once in 256 times; of text once in 15, of a program or a database once in 5 to 40.
const EQUAL_SHARE_MAX = 1.6 / VALUES;

/** Whether a piece looks as if it were packed or encrypted: its bytes are about equally frequent. What looks so may still repeat itself. */
export function isDense(content: Buffer): boolean {
  if (content.length < SAMPLES) return false;
  const counts = new Uint16Array(VALUES);
  const step = content.length / SAMPLES;
  for (let index = 0; index < SAMPLES; index += 1) {
    const value = content[Math.floor(index * step)] ?? 0;
    counts[value] = (counts[value] ?? 0) + 1;
  }
  let equal = 0;
  for (const count of counts) equal += count * (count - 1);
  return equal <= EQUAL_SHARE_MAX * SAMPLES * (SAMPLES - 1);
}
