/**
 * A name server for endpoint_names_test.ts, on UDP port 53 of an address of its namespace. Its
 * answers are in a file, which it reads for each query, so that a test changes them at any time.
 *
 * Arguments: the address, the file. The file is JSON: the addresses of each name, or "silent" for a
 * name that gets no answer. Other names do not exist. It writes a line for each query: its name and
 * type.
 * @module
 */
import { parseIp } from "../../lib/base/ip_text.ts";

const [address, file] = Deno.args;
const TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1;
const RESPONSE = 0x8400, NO_SUCH_NAME = 3;
const HEADER_BYTES = 12, NAME_POINTER = 0xc000 | HEADER_BYTES;

/** The name in a query, and the offset of its type. */
function question(query: Uint8Array): { readonly name: string; readonly at: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]; length !== 0; length = query[at]) {
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += length + 1;
  }
  return { name: labels.join(".").toLowerCase(), at: at + 1 };
}

function answer(query: Uint8Array, known: readonly string[] | undefined): Uint8Array {
  const { at } = question(query);
  const type = query[at] << 8 | query[at + 1];
  const found = (known ?? []).map((text) => parseIp(text)!).filter(({ length }) =>
    length === (type === TYPE_A ? 4 : type === TYPE_AAAA ? 16 : 0)
  );
  const words = (...numbers: number[]) => numbers.flatMap((number) => [number >> 8, number & 255]);
  return Uint8Array.from([
    ...query.subarray(0, 2),
    ...words(RESPONSE | (known === undefined ? NO_SUCH_NAME : 0), 1, found.length, 0, 0),
    ...query.subarray(HEADER_BYTES, at + 4),
    ...found.flatMap((bytes) => [
      ...words(NAME_POINTER, type, CLASS_IN, 0, 0, bytes.length),
      ...bytes,
    ]),
  ]);
}

const socket = Deno.listenDatagram({ transport: "udp", hostname: address, port: 53 });
console.log("ready");
for await (const [query, client] of socket) {
  const names: Record<string, readonly string[] | "silent"> = JSON.parse(
    await Deno.readTextFile(file),
  );
  const { name, at } = question(query);
  console.log(`${name} ${query[at + 1] === TYPE_A ? "A" : "AAAA"}`);
  const known = names[name];
  if (known !== "silent") await socket.send(answer(query, known), client).catch(() => {});
}
