import { Agent } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyServer } from 'httpxy';
import { NO_SLOT, SLOT_CUT, SLOT_FAILED, UPGRADE_UNKNOWN, refuseUpgrade } from './refusals.ts';
import { prepareUpgradeHeaders } from './request-headers.ts';
import { connectToSlot } from './slot-connection.ts';
import type { Exchange, SlotEntry, SlotTable } from './slot-table.ts';

/** A close frame as a server sends it: code 1012, "service restart"; browsers and libraries then connect again (RFC 6455 registry). */
const CLOSE_FRAME_1012 = Buffer.from([0x88, 0x02, 0x03, 0xf4]);
const CLOSE_WAIT_MS = 1000; // for the client's own close frame; nobody may keep a cut slot in flight by not answering
const HANDSHAKE_LIMIT_MS = 60_000; // of the slot's answer to the handshake; the connection stands already

interface Tunnel extends Exchange {
  client: Socket;
  entry: SlotEntry;
  /** Set as soon as both sides speak WebSocket. */
  slotSocket: Socket | null;
}

/** Whether the router passes this upgrade on; others are answered as plain requests or refused. */
export function isWebSocket(req: IncomingMessage): boolean {
  return req.method === 'GET' && req.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Passes WebSockets on to the slots of the table; each counts as in flight until it is closed. */
export function createUpgradeForwarder(table: SlotTable): (req: IncomingMessage, client: Socket, head: Buffer) => void {
  const proxy = createProxyServer({ upgradeTimeout: HANDSHAKE_LIMIT_MS });
  const tunnels = new WeakMap<IncomingMessage, Tunnel>();

  proxy.on('proxyReqWs', (outgoing, req) => {
    outgoing.on('upgrade', (_answer, slotSocket: Socket) => {
      const tunnel = tunnels.get(req);
      if (tunnel !== undefined) join(tunnel, slotSocket);
    });
  });
  // Called before httpxy ends the client's socket, so the client still gets a reason.
  proxy.on('error', (_error, req) => {
    const tunnel = req && tunnels.get(req);
    if (tunnel && tunnel.slotSocket === null) refuseUpgrade(tunnel.client, SLOT_FAILED);
  });

  const open = (req: IncomingMessage, head: Buffer, tunnel: Tunnel, isRetried: boolean): void => {
    table.begin(tunnel.entry, tunnel);
    connectToSlot(tunnel.entry.target, (error, slotSocket) => {
      if (tunnel.client.destroyed || !tunnel.client.writable) return void slotSocket?.destroy();
      if (slotSocket !== null) {
        const agent = agentOfOne(slotSocket);
        void proxy
          .ws(req, tunnel.client, { target: tunnel.entry.target, agent }, head)
          .catch(() => tunnel.client.destroy());
        return;
      }
      const next = isRetried || error === null ? null : table.choose(Math.random, tunnel.entry);
      if (next === null) return refuseUpgrade(tunnel.client, SLOT_FAILED);
      table.end(tunnel.entry, tunnel);
      tunnel.entry = next;
      open(req, head, tunnel, true);
    });
  };

  return (req, client, head) => {
    client.on('error', () => client.destroy());
    if (!isWebSocket(req)) return refuseUpgrade(client, UPGRADE_UNKNOWN);
    const entry = table.choose(Math.random, null);
    if (entry === null) return refuseUpgrade(client, NO_SLOT);
    prepareUpgradeHeaders(req);
    const tunnel: Tunnel = { client, entry, slotSocket: null, place: -1, cut: () => cutTunnel(tunnel) };
    tunnels.set(req, tunnel);
    client.on('close', () => table.end(tunnel.entry, tunnel));
    open(req, head, tunnel, false);
  };
}

/** An agent for one request that already has its connection. */
function agentOfOne(socket: Socket): Agent {
  return Object.assign(new Agent({ keepAlive: false }), { createConnection: () => socket });
}

/** When one side is gone without a word, the other must not hang on for ever. */
function join(tunnel: Tunnel, slotSocket: Socket): void {
  tunnel.slotSocket = slotSocket;
  slotSocket.on('close', () => tunnel.client.destroySoon());
  tunnel.client.on('close', () => slotSocket.destroy());
}

function cutTunnel({ client, slotSocket }: Tunnel): void {
  if (slotSocket === null) return refuseUpgrade(client, SLOT_CUT);
  slotSocket.unpipe(client);
  if (client.writable) client.end(CLOSE_FRAME_1012);
  client.resume();
  setTimeout(() => {
    client.destroy();
    slotSocket.destroy();
  }, CLOSE_WAIT_MS).unref();
}
