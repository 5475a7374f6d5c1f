// usage: node build.mjs VERSION. Makes releases/VERSION, as the build of an image would: the server and the migrations that this version has.
import { cpSync, mkdirSync } from 'node:fs';

const REVISIONS = ['r1_users.py', 'r2_preferences.py', 'r3_backfill.py', 'r4_required.py'];
const COUNT = { '1.2.2': 1, '1.2.3': 2, '1.2.4': 3, '1.2.5': 4 };

const version = process.argv[2];
if (COUNT[version] === undefined) throw new Error(`usage: node build.mjs ${Object.keys(COUNT).join(' | ')}`);
mkdirSync(`releases/${version}/versions`, { recursive: true });
for (const name of ['server.mjs', 'alembic.ini', 'env.py']) cpSync(name, `releases/${version}/${name}`);
for (const name of REVISIONS.slice(0, COUNT[version]))
  cpSync(`versions/${name}`, `releases/${version}/versions/${name}`);
