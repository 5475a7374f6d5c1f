/** A step as `shipway plan --json` prints it. */
export interface PlannedStepView {
  id: string;
  kind: string;
  undo: unknown;
}

/** The gaps between the effects of the engine around one step; a watch has rounds instead of a deed. */
export function gapsOfStep(step: PlannedStepView): string[] {
  if (step.kind === 'watch-version') {
    return ['before-intent', 'after-intent', 'before-round', 'after-round', 'after-record'].map(
      (place) => `${step.id}:${place}`,
    );
  }
  return ['before-intent', 'after-intent', 'after-deed', 'after-record'].map((place) => `${step.id}:${place}`);
}
