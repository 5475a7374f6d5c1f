/**
 * A test for paths relative to the project. `*` and `?` stay within a name, `**` crosses folders; a pattern without `/` fits a name at any
 * depth. What a pattern fits is left out together with everything below it.
 */
export function matchGlobs(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map(toExpression);
  return (path) => expressions.some((expression) => expression.test(path));
}

function toExpression(pattern: string): RegExp {
  const rooted = pattern.replace(/^\/|\/$/g, '');
  const source = (rooted.includes('/') ? rooted : `**/${rooted}`)
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map(toSource)
    .join('');
  return new RegExp(`^${source}$`, 's');
}

function toSource(piece: string): string {
  switch (piece) {
    case '**/':
      return '(?:[^/]+/)*';
    case '**':
      return '.+';
    case '*':
      return '[^/]*';
    case '?':
      return '[^/]';
    default:
      return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
}
