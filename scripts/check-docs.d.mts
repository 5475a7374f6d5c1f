/** Everything wrong in the documents below `root`, as `path:line: what; what to do`. */
export function checkDocuments(root: string): string[];
