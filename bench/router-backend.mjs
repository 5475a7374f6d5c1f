// Versions of a service for router-switch.ts: a process that opens and kills HTTP servers on demand, so that the clients' process is not theirs.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const servers = new Map();
const SLOW_MS = 300; // longer than a switch takes, so that each one has requests in flight
const USUAL_MS = 15; // answers come after 0 to 15 ms

function open(name) {
  const sockets = new Set();
  const server = createServer((req, res) => {
    let bytes = 0;
    req.on('data', (chunk) => (bytes += chunk.length));
    req.on('end', () => {
      const ms = req.url === '/slow' ? SLOW_MS : req.url === '/now' ? 0 : Math.random() * USUAL_MS;
      setTimeout(() => res.end(`${name} ${bytes}`), ms);
    });
  });
  new WebSocketServer({ server }).on('connection', (client) => client.on('message', (data) => client.send(data)));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1', () => {
    servers.set(name, { server, sockets });
    process.send({ name, port: server.address().port });
  });
}

function kill(name) {
  const { server, sockets } = servers.get(name);
  server.close();
  for (const socket of sockets) socket.resetAndDestroy();
  servers.delete(name);
  process.send({ name, port: 0 });
}

process.on('message', ({ act, name }) => (act === 'open' ? open(name) : kill(name)));
process.on('disconnect', () => process.exit(0));
