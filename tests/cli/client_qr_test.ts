/** QR codes of clients, read by zbarimg: as PNG, as SVG, and as the characters of a terminal. */
import assert from "node:assert/strict";
import { type Modules, qrModules, qrPng, qrSvg, qrText } from "../../lib/cli/client/qr.ts";
import { needs } from "../system/needs.ts";
import { Chance, SEED } from "../random.ts";

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assert.ok(success, `${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

const decoded = (path: string) => run("zbarimg", "-q", "--raw", "-Sbinary", path);

/** A configuration of about this many characters. */
function confOf(length: number): string {
  const chance = Chance.of(SEED);
  const key = chance.bytes(32).toBase64();
  const text = `[Interface]\nPrivateKey = ${key}\nAddress = 10.0.0.2/32, fd00::2/128\n# Zoë\n`;
  return text + "AllowedIPs = 0.0.0.0/0\n".repeat(Math.ceil(length / 23));
}

Deno.test(
  "a code is read as the text that it is of",
  needs("zbarimg", "rsvg-convert"),
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      for (const length of [300, 1200]) {
        const text = confOf(length);
        const modules = qrModules(text);
        await Deno.writeFile(`${folder}/a.png`, qrPng(modules));
        assert.equal(await decoded(`${folder}/a.png`), text);
        await Deno.writeTextFile(`${folder}/a.svg`, qrSvg(modules));
        await run("rsvg-convert", "-o", `${folder}/b.png`, `${folder}/a.svg`);
        assert.equal(await decoded(`${folder}/b.png`), text);
        for (const colors of [false, true]) {
          await Deno.writeTextFile(`${folder}/c.pbm`, pictureOf(qrText(modules, colors)));
          assert.equal(await decoded(`${folder}/c.pbm`), text);
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** The text of a terminal with a dark background as a picture, 4 pixels a module. */
function pictureOf(text: string): string {
  // deno-lint-ignore no-control-regex
  const lines = text.replace(/\x1b\[[0-9;]*m/g, "").trimEnd().split("\n");
  const rows = lines.flatMap((line) => [
    [...line].map((one) => "▀█".includes(one)),
    [...line].map((one) => "▄█".includes(one)),
  ]);
  const pixels = rows.flatMap((row) => {
    const bits = row.flatMap((light) => Array(4).fill(light ? "0" : "1")).join(" ");
    return Array(4).fill(bits);
  });
  return `P1\n${rows[0].length * 4} ${pixels.length}\n${pixels.join("\n")}\n`;
}

Deno.test("a code has its margin, and a text that is too long is refused", () => {
  const modules: Modules = qrModules("x");
  for (const row of [...modules.slice(0, 4), ...modules.slice(-4)]) assert.ok(!row.includes(true));
  for (const row of modules) {
    assert.ok(!row.slice(0, 4).includes(true) && !row.slice(-4).includes(true));
  }
  assert.equal(qrText(modules, false).split("\n").length - 1, Math.ceil(modules.length / 2));
  assert.ok(qrText(modules, true).startsWith("\x1b["));
  qrModules("x".repeat(2953));
  assert.throws(() => qrModules("ä".repeat(1477)), /--qr: the configuration has 2954 bytes/);
});
