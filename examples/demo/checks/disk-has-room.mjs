// usage: node checks/disk-has-room.mjs MEGABYTES   exit 0 when at least as much is free where the data lies, else 1
import { statfsSync } from 'node:fs';

const neededMegabytes = Number(process.argv[2]);
const { bavail, bsize } = statfsSync('.');
const freeMegabytes = Math.floor((bavail * bsize) / 1e6);
process.stdout.write(`${freeMegabytes} MB free, ${neededMegabytes} MB needed\n`);
process.exit(freeMegabytes >= neededMegabytes ? 0 : 1);
