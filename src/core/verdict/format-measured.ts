import type { Quantity } from './criterion.ts';
import { formatValue } from './format-criterion.ts';

/** A measured value, rounded to three digits, or as many more as it takes not to look like a limit that it is not. */
export function formatMeasured(quantity: Quantity, value: number, limit: number): string {
  const shown = formatValue(quantity, limit);
  for (let digits = 3; digits < 15; digits++) {
    const text = formatValue(quantity, Number(value.toPrecision(digits)));
    if (text !== shown || value === limit) return text;
  }
  return formatValue(quantity, value);
}

/** 1684 as `1,684`. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** 300 as `5m00s`, 45 as `45s`, 7200 as `2h00m00s`. */
export function formatWindow(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${Number(seconds.toPrecision(6))}s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  if (whole < 3600) return `${minutes}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(minutes)}m${two(whole % 60)}s`;
}
