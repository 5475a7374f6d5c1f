/** The known word that was probably meant, or null when none is close: at most 2 slips, and at most one slip in four letters. */
export function nearestWord(written: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let fewest = Math.min(2, Math.floor(written.length / 4)) + 1;
  for (const candidate of known) {
    const slips = slipsBetween(written, candidate);
    if (slips < fewest) {
      fewest = slips;
      best = candidate;
    }
  }
  return best;
}

/** Letters added, left out, replaced, or swapped with their neighbour (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let slips = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = slips;
    }
  }
  return rows[a.length]![b.length]!;
}
