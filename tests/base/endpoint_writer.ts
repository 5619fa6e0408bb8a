/**
 * * A Worker for peer_table_test.ts. It writes endpoints to row 1 and clears their local addresses.
 * All parts of an endpoint have the same number.
 * @module
 */
import { peerSlot } from "../../lib/base/brands.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";

const scope = globalThis as unknown as {
  onmessage: (message: MessageEvent) => void;
  postMessage(done: true): void;
};

scope.onmessage = ({ data: { buffer, from, writes } }) => {
  const table = new PeerTable(buffer);
  const peer = peerSlot(1);
  for (let i = 0; i < writes; i++) {
    const mark = from + i % 50;
    const address = new Uint8Array(i % 2 === 0 ? 4 : 16).fill(mark);
    table.writeEndpoint(peer, { address, port: mark, scope: mark }, {
      address,
      interfaceIndex: mark,
    });
    table.clearLocal(peer);
  }
  scope.postMessage(true);
};
