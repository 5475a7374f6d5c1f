import { observeNothing, type Step } from './step.ts';

/** An empty step: what a step costs without its work is measured with it. */
export const doNothingStep: Step = {
  kind: 'do-nothing',
  observe: observeNothing,
  act: async () => ({}),
};
