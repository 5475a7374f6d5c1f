/**
 * Counts of a run from vitest's JSON report (null when it wrote none) and its exit code. A file that could not be loaded counts as
 * one failed test, and a run that ended badly without a failed test as well: a failure never reads as success.
 */
export function countResults(report, status) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const unloaded = report.testResults.filter((file) => file.status === 'failed' && !hasFailedTest(file)).length;
  const failed = report.numFailedTests + unloaded;
  const skipped = report.numPendingTests + report.numTodoTests;
  return { passed: report.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed, skipped };
}

function hasFailedTest(file) {
  return file.assertionResults.some((result) => result.status === 'failed');
}

/** The last line of `npm test`. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
