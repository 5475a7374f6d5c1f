// A process of its own, started by guardCopy: see there.
import { beGuard } from './end-copy.ts';

beGuard();
