/**
 * The part of WireGuard's configuration protocol that the bench requires, over the control socket
 * of a device.
 * @module
 */

/** A key pair, 32 bytes each. */
export interface KeyPair {
  readonly private: Uint8Array;
  readonly public: Uint8Array;
}

/** A random X25519 key pair. */
export async function makeKeyPair(): Promise<KeyPair> {
  const made = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]) as CryptoKeyPair;
  const jwk = await crypto.subtle.exportKey("jwk", made.privateKey);
  const decode = (text: string | undefined) =>
    Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
  return { private: decode(jwk.d), public: decode(jwk.x) };
}

/**
 * Sends one operation and returns its answer without the closing `errno=0` line.
 *
 * @param socket path of the control socket; may lead through /proc/PID/root.
 * @param request the lines of the operation, without the empty line at its end.
 * @throws Error when the device answers with another errno or not at all.
 */
export async function uapi(socket: string, request: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path: socket });
  const bytes = new TextEncoder().encode(`${request}\n\n`);
  const sending = (async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  })();
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(65536);
  let answer = "";
  while (!answer.endsWith("\n\n")) {
    const length = await connection.read(chunk);
    if (length === null) break;
    answer += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
  await sending;
  const errno = /(?:^|\n)errno=(-?\d+)\n/.exec(answer.slice(-64));
  if (errno === null) throw new Error("the control socket closed without an answer");
  if (errno[1] !== "0") throw new Error(`the control socket answered errno=${errno[1]}`);
  return answer;
}

/** One peer, as lines of a set. */
export function peerLines(
  publicKey: Uint8Array,
  allowed: readonly string[],
  endpoint?: string,
): string {
  const lines = [`public_key=${publicKey.toHex()}`];
  if (endpoint !== undefined) lines.push(`endpoint=${endpoint}`);
  for (const range of allowed) lines.push(`allowed_ip=${range}`);
  return lines.join("\n");
}
