import { runNotesServer } from '../../service/notes-server.mjs';

runNotesServer({ version: '1.0.0' });
