export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

export function countResults(report: TestReport | null, status: number): Counts;
export function summaryLine(counts: Counts): string;
