import { runNotesServer } from '../../service/notes-server.mjs';

runNotesServer({ version: '1.3.0', columns: ['tag'] });
