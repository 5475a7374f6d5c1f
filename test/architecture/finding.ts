/** One thing that is against the rules: where it is and what to do instead. */
export interface Finding {
  /** `path:line`, or a path alone. */
  where: string;
  /** What is wrong and what to do instead. */
  text: string;
}

export function formatFindings(findings: Finding[]): string {
  return findings.map(({ where, text }) => `${where}: ${text}`).join('\n');
}
