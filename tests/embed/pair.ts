/**
 * Two tunnels on the loopback that are each other's peers: 10.0.0.1 and fd00::1 on the left,
 * 10.0.0.2 and fd00::2 on the right. Only the left one knows where the other is.
 * @module
 */
import {
  type EndpointEvent,
  type HandshakeEvent,
  makePrivateKey,
  publicKeyOf,
  Tunnel,
  type TunnelOptions,
} from "../../mod.ts";

/** 10.0.0.n. */
export const address4 = (n: number): Uint8Array => Uint8Array.of(10, 0, 0, n);
/** fd00::n. */
export const address6 = (n: number): Uint8Array =>
  Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n);

/** A tunnel and all that it said. */
export interface Side extends AsyncDisposable {
  readonly tunnel: Tunnel;
  readonly packets: Uint8Array[];
  readonly handshakes: HandshakeEvent[];
  readonly endpoints: EndpointEvent[];
}

/**
 * A tunnel on a free port of 127.0.0.1 that notes what happens; options that are given are used
 * instead.
 */
export function side(options: Partial<TunnelOptions> = {}): Side {
  const packets: Uint8Array[] = [];
  const handshakes: HandshakeEvent[] = [];
  const endpoints: EndpointEvent[] = [];
  const tunnel = new Tunnel({
    privateKey: makePrivateKey(),
    listen: "127.0.0.1:0",
    onPacket: (packet) => {
      packets.push(packet);
    },
    onHandshake: (event) => handshakes.push(event),
    onEndpoint: (event) => endpoints.push(event),
    ...options,
  });
  return { tunnel, packets, handshakes, endpoints, [Symbol.asyncDispose]: () => tunnel.close() };
}

/** Two of them; options of each side are used instead of its own. */
export class Pair implements AsyncDisposable {
  readonly left: Side;
  readonly right: Side;

  constructor(left: Partial<TunnelOptions> = {}, right: Partial<TunnelOptions> = {}) {
    const keys = [makePrivateKey(), makePrivateKey()];
    this.right = side({
      privateKey: keys[1],
      peers: [{ publicKey: publicKeyOf(keys[0]), allowedIps: ["10.0.0.1/32", "fd00::1/128"] }],
      ...right,
    });
    this.left = side({
      privateKey: keys[0],
      peers: [{
        publicKey: publicKeyOf(keys[1]),
        endpoint: `127.0.0.1:${this.right.tunnel.port}`,
        allowedIps: ["10.0.0.2/32", "fd00::2/128"],
      }],
      ...left,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.left.tunnel.close(), this.right.tunnel.close()]);
  }
}
