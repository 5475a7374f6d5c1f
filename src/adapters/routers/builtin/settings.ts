import { isIP } from 'node:net';
import { z } from 'zod';

/** The router as the adapter uses it. */
export interface BuiltinRouterSettings {
  listen: { host: string; port: number };
  /** Name of the component whose instances get the traffic. */
  component: string;
}

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/;
const LISTEN_ERROR =
  'is not an address to listen on\nWrite host:port (127.0.0.1:8080, 0.0.0.0:8080, "[::]:8080") or a port.';
const COMPONENT_NAME = /^[a-z][a-z0-9-]{0,39}$/; // as the target process names them

/** `host:port` or a port alone, which is on 127.0.0.1: to be seen by others must be asked for. Null for anything else. */
export function parseListen(value: string | number): { host: string; port: number } | null {
  if (typeof value === 'number') return isPort(value) ? { host: '127.0.0.1', port: value } : null;
  const parts = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(value.trim());
  const port = Number(parts?.[2] ?? Number.NaN);
  if (!isPort(port)) return null;
  const written = parts?.[1] ?? '127.0.0.1';
  if (written.startsWith('[')) {
    const host = written.slice(1, -1);
    return isIP(host) === 6 ? { host, port } : null;
  }
  return isIP(written) === 4 || (HOST_NAME.test(written) && !/^[\d.]+$/.test(written)) ? { host: written, port } : null;
}

/** 0 lets the system choose once; the router of this project keeps that port. */
function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

export const builtinRouterSettings: z.ZodType<BuiltinRouterSettings> = z.strictObject({
  listen: z
    .union([z.string(), z.number()], { error: LISTEN_ERROR })
    .transform((value, context) => {
      const listen = parseListen(value);
      if (listen !== null) return listen;
      context.addIssue({ code: 'custom', message: LISTEN_ERROR, input: value });
      return z.NEVER;
    })
    .describe('The public address: host:port, or a port on 127.0.0.1.'),
  component: z
    .string({ error: 'is not the name of a component\nWrite the name of the component that answers requests.' })
    .regex(COMPONENT_NAME, {
      error: 'is not the name of a component\nWrite the name of the component that answers requests.',
    })
    .describe('The component whose instances get the traffic.'),
});
