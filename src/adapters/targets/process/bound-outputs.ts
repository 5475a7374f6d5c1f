import type { Effect } from '../../../platform/effect.ts';
import { trimOutput, type OutputLimit } from '../../../platform/trim-output.ts';
import { outputFile } from './instance-record.ts';

const MIB = 1024 * 1024;
// Of what one instance prints: days of an ordinary service. The program writes into the file itself, so it is cut whenever somebody looks.
const OUTPUT_LIMIT: OutputLimit = { bytesMax: 64 * MIB, keptBytes: 8 * MIB };

/** Cuts outputs that grew too large to their end. Never fails: tidying may not stop a release. */
export function boundOutputs(instances: readonly { id: string }[], effect: Effect): void {
  for (const { id } of instances) {
    try {
      trimOutput(outputFile(id, effect), OUTPUT_LIMIT);
    } catch (error) {
      effect.report(`the output of ${id} was not cut: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
