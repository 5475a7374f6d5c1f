import { runNotesServer } from '../../service/notes-server.mjs';

const HEALTHY_REQUESTS = 50; // the fault is not there at start-up: every check before the traffic passes
const FAILED_IN_100 = 3;

/** The bad version of the story: from the 51st request on, 3 of every 100 are refused, evenly spread and the same in every run. */
function createFault() {
  let requests = 0;
  return () => {
    requests += 1;
    const seen = requests - HEALTHY_REQUESTS;
    if (seen <= 0) return null;
    const isRefused = Math.floor((seen * FAILED_IN_100) / 100) > Math.floor(((seen - 1) * FAILED_IN_100) / 100);
    return isRefused ? 500 : null;
  };
}

runNotesServer({ version: '1.2.0', columns: ['tag'], before: createFault() });
