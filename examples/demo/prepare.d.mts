/** Fills the (new or empty) directory with the example and the given public port (default 8080). */
export function prepareDemo(directory: string, port?: number): void;
