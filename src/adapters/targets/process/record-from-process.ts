import { findByEnvironment, type ProcessIdentity } from '../../../platform/process-table.ts';
import type { MarkedProcess } from './find-processes.ts';
import { instanceId, type InstanceRecord, type InstanceScope } from './instance-record.ts';
import type { ProcessComponent } from './settings.ts';

/** Rebuilds a lost record from what the process was started with; null when it does not fit this service and environment. */
export function recordFromProcess(
  id: string,
  leader: MarkedProcess,
  scope: InstanceScope,
  components: ProcessComponent[],
): InstanceRecord | null {
  const read = (name: string) => variableOf(leader.identity, name);
  const release = read('SHIPWAY_RELEASE') ?? '';
  const component = components.find((one) => instanceId(scope, one.name, release) === id);
  if (component === undefined || leader.start === null) return null;
  const port = Number(read('PORT'));
  return {
    format: 1,
    id,
    service: scope.service,
    environment: scope.environment,
    component: component.name,
    version: read('VERSION') ?? '',
    release,
    port: component.port !== 'none' && Number.isInteger(port) && port > 0 ? port : null,
    start: leader.start,
    token: '',
    state: 'starting',
    process: leader.identity,
    startedAt: null,
    stoppedAt: null,
  };
}

function variableOf(identity: ProcessIdentity, name: string): string | null {
  const found = findByEnvironment(name, () => true).find(
    (one) => one.identity.pid === identity.pid && one.identity.startedAt === identity.startedAt,
  );
  return found?.value ?? null;
}
