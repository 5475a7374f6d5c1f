/** One thing that was looked at: how it is, and what to do when it is not well. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail';
  what: string;
  found: string;
  /** Empty when there is nothing to do. */
  next: string;
}
