export type Period = 'day' | 'week' | 'month' | 'year';

const DAY_MS = 86_400_000;

// Making a formatter costs a hundred times more than using it; the same zone always formats alike.
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether the name is a time zone that days can be counted in: `Europe/Berlin`, `UTC`. */
export function isTimeZone(name: string): boolean {
  // A bare offset is no zone: it knows nothing of summer time.
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** The day, ISO week, month or year of a moment in a time zone, as text that sorts by time: `2026-11-21`, `2026-W47`, `2026-11`, `2026`. */
export function periodOf(atMs: number, period: Period, timeZone: string): string {
  const day = dayOf(atMs, timeZone);
  switch (period) {
    case 'day':
      return day;
    case 'week':
      return weekOf(day);
    case 'month':
      return day.slice(0, 7);
    case 'year':
      return day.slice(0, 4);
  }
}

function dayOf(atMs: number, timeZone: string): string {
  const parts = formatterOf(timeZone).formatToParts(atMs);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
}

/** The week belongs to the year that holds its Thursday (ISO 8601). */
function weekOf(day: string): string {
  const midnightMs = Date.parse(`${day}T00:00:00Z`);
  const weekday = (new Date(midnightMs).getUTCDay() + 6) % 7;
  const thursday = new Date(midnightMs + (3 - weekday) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1;
  return `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  formatters.set(timeZone, made);
  return made;
}
