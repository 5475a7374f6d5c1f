// usage: node seed-notes.mjs FILE COUNT   writes notes of client "seed" numbered 1 to COUNT; twice does no harm
import { createNotes, openDatabase } from './notes-database.mjs';

const database = openDatabase(process.argv[2]);
const notes = createNotes(database, []);
for (let sequence = 1; sequence <= Number(process.argv[3]); sequence += 1) {
  notes.add({ client: 'seed', sequence, text: `an older note, number ${sequence}` });
}
database.close();
