/** What is released: SemVer, and what it was built from where that is known. */
export interface Version {
  /** SemVer without a leading "v". */
  number: string;
  commit: string | null;
}

/** One running piece of a version: a component, started by one release. Observed from reality, never from our memory. */
export interface Instance {
  /** Deterministic: `<service>-<environment>-<component>-<release>`, so that starting twice finds the first. */
  id: string;
  component: string;
  version: string;
  release: string;
  /** Where it answers, or null for a component without a port. */
  address: { host: string; port: number } | null;
  state: 'starting' | 'running' | 'exited';
  /** RFC 3339, or null when the machine does not tell. */
  startedAt: string | null;
  pid: number | null;
}
