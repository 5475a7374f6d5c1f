import type { Instance } from '../../../core/release/version.ts';
import type { InstanceRecord } from './instance-record.ts';

/** Components listen on this machine only; the router is what the world sees. */
export const HOST = '127.0.0.1';

/** The record as the rest of the program sees an instance. */
export function instanceOf(record: InstanceRecord, state: Instance['state']): Instance {
  return {
    id: record.id,
    component: record.component,
    version: record.version,
    release: record.release,
    address: record.port === null ? null : { host: HOST, port: record.port },
    state,
    startedAt: record.startedAt,
    pid: record.process?.pid ?? null,
  };
}
