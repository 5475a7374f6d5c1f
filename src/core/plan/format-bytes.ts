const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 412000000 as `412 MB`; powers of 1000, three digits. */
export function formatBytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))} ${UNITS[unit]}`;
}
