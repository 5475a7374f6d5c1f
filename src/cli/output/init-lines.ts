import type { ProjectFile } from '../../app/init-project.ts';

/** What was written, or would be with its text; and what to type next. */
export function initLines(files: readonly ProjectFile[], isDryRun: boolean): string[] {
  const did = { write: 'wrote', replace: 'renewed', append: 'added a line to' };
  const would = { write: 'would write', replace: 'would renew', append: 'would add a line to' };
  if (!isDryRun) {
    return [
      ...files.map(({ path, how }) => `${did[how]} ${path}`),
      'next: look at shipway.yaml, then  shipway plan 1.0.0',
    ];
  }
  const starter = files.find((file) => file.path === 'shipway.yaml')?.text ?? '';
  return [
    ...files.map(({ path, how }) => `${would[how]} ${path}`),
    '',
    ...starter
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}
