/** The words of `wg client`. */
import assert from "node:assert/strict";
import { parseClientLine } from "../../lib/cli/client/words.ts";

const line = (text: string) => parseClientLine(text.split(" "));

Deno.test("client: the interface may be left out, and options stand anywhere", () => {
  const { interface: name, name: client, qr, psk, endpoint } = line(
    "add --qr wg1 --no-psk ann --endpoint vpn.example.org",
  );
  assert.deepEqual([name, client, qr, psk], ["wg1", "ann", true, false]);
  assert.deepEqual(endpoint, { host: "vpn.example.org", port: undefined });
  assert.deepEqual([line("add ann").interface, line("list").interface], [undefined, undefined]);
  assert.equal(line("list wg2").interface, "wg2");
  assert.equal(line("expire ann 1970-01-02").expiresUnixMs, 86_400_000);
  assert.equal(line("expire wg1 ann never").expiresUnixMs, 0);
  assert.equal(line("remove ann --no-file").file, false);
});

Deno.test("client: endpoints in every form", () => {
  const of = (text: string) => line(`add a --endpoint ${text}`).endpoint;
  assert.deepEqual(of("192.0.2.1:7"), { host: "192.0.2.1", port: 7 });
  assert.deepEqual(of("2001:db8::1"), { host: "2001:db8::1", port: undefined });
  assert.deepEqual(of("[2001:db8::1]:7"), { host: "2001:db8::1", port: 7 });
  assert.deepEqual(of("[2001:db8::1]"), { host: "2001:db8::1", port: undefined });
});

Deno.test("client: a wrong word is named with what is required", () => {
  for (
    const [text, message] of [
      ["", /add, list, show, .* or expire is required/],
      ["frob", /^ConfigError: frob: add, list/],
      ["add", /add: NAME is required/],
      ["expire ann", /expire: DATE is required/],
      ["expire ann soon", /expire: "soon" is not a date/],
      ["remove wg1 ann more", /more: unexpected word; client remove takes \[INTERFACE\] NAME/],
      ["list --qr", /--qr: unknown option of client list/],
      ["add ann --png", /--png: requires the name of a new file/],
      ["add ann --endpoint host:0", /--endpoint: 0 is out of range; 1 to 65535/],
      ["add ann --endpoint a_b/c", /--endpoint: "a_b\/c" is no endpoint/],
      ["add ann --endpoint [::1]x", /--endpoint: /],
      ["add ann --dns a_b/c", /--dns: "a_b\/c" is neither an address nor a domain/],
      ["add ann --allowed-ips 10.0.0.0/33", /--allowed-ips: "10.0.0.0\/33" is not a range/],
      ["add ann --mtu 1279", /--mtu: 1279 is out of range; 1280 to 65535/],
      ["add ann --address x", /--address: "x" is not an address/],
      ["add ann --keepalive -1", /--keepalive: -1 is out of range/],
      ["add #ann", /add: "#ann" cannot be kept in a file as a name/],
      ["add name=ann", /cannot be kept/],
      ["add wg:x", /cannot be kept/],
      ["add ann --all --allowed-ips 10.0.0.0/8", /--all: --allowed-ips is given too/],
      ["add ann --json --qr", /--qr: --json is given too/],
      ["remove ann --no-file --file x", /--file: --no-file is given too/],
      [`add ${"x".repeat(63)}`, /add: the name may be a key, .*fewer than 42 .* required$/],
      [`add ${"x".repeat(64)}`, /the description is too long/],
    ] as const
  ) {
    assert.throws(() => parseClientLine(text === "" ? [] : text.split(" ")), message, text);
  }
});

Deno.test("client: the parts of a list have commas between them", () => {
  assert.deepEqual(line("add a --dns 10.0.0.1,home.arpa").dns, ["10.0.0.1", "home.arpa"]);
  assert.deepEqual(parseClientLine(["add", "a", "--dns", "10.0.0.1, b"]).dns, ["10.0.0.1", "b"]);
  assert.throws(
    () => parseClientLine(["add", "a", "--dns", "a b"]),
    /--dns: "a b" is neither an address nor a domain/,
  );
});
