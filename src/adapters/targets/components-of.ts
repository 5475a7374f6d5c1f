import type { Json } from '../../core/release/json.ts';

/** What the engine must know of a component to judge it. */
export interface TargetComponent {
  name: string;
  hasPort: boolean;
  /** The settings of an HTTP check (`{ get: /health, expect: … }`), still unresolved, or null when nothing is asked. */
  health: Json | null;
  startWithinSeconds: number;
}

/** The one component of a target that does not tell its components apart. */
export const WHOLE_SERVICE = 'service';

/** The components that checked target settings name, in the order in which they start; one called `service` where they name none. */
export function componentsOf(settings: Json): TargetComponent[] {
  if (!isObject(settings)) return [];
  const { components, timeoutSeconds } = settings;
  if (!Array.isArray(components)) {
    const startWithinSeconds = typeof timeoutSeconds === 'number' ? timeoutSeconds : 0;
    return [{ name: WHOLE_SERVICE, hasPort: false, health: null, startWithinSeconds }];
  }
  return components.filter(isObject).map((component) => ({
    name: typeof component.name === 'string' ? component.name : '',
    hasPort: component.port !== 'none',
    health: component.health ?? null,
    startWithinSeconds: Number(component.startWithinSeconds),
  }));
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
