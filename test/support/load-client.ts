/** The traffic of the demo, for tests: one implementation, so that both count the same way. */
export { failedOutside, startLoad } from '../../examples/demo/traffic/load-client.mjs';
export type { Load, LoadReport, VersionCount } from '../../examples/demo/traffic/load-client.mjs';
