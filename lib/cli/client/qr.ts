/**
 * QR codes: in the terminal, as PNG and as SVG.
 * @module
 */
import { crc32, deflateSync } from "node:zlib";
import encodeQR from "npm:qr@0.7.0";
import { ConfigError } from "../../base/errors.ts";

/** The most bytes of a text: what version 40 holds with the lowest error correction. */
const TEXT_MAX = 2953;
/** Light modules around the code (ISO/IEC 18004 section 6.3.8). */
const QUIET_MODULES = 4;
/** Pixels of a module in a PNG. */
const PIXELS = 8;
const PNG_HEADER = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The modules of a code by row, with its margin; true is dark. */
export type Modules = readonly (readonly boolean[])[];

/** The code of a text. @throws ConfigError for a text that is too long */
export function qrModules(text: string): Modules {
  const { length } = new TextEncoder().encode(text);
  if (length > TEXT_MAX) {
    throw new ConfigError(
      "--qr",
      `the configuration has ${length} bytes; at most ${TEXT_MAX} fit into a QR code`,
    );
  }
  return encodeQR(text, "raw", { ecc: "low", border: QUIET_MODULES, encoding: "byte" });
}

/**
 * The code as text, two rows of modules in a line. Light modules are drawn, which is right for a
 * terminal with a dark background; with colors it is right for every terminal.
 */
export function qrText(modules: Modules, colors: boolean): string {
  const [from, to] = colors ? ["\x1b[97;40m", "\x1b[0m"] : ["", ""];
  let text = "";
  for (let y = 0; y < modules.length; y += 2) {
    const lower = modules[y + 1] ?? modules[y].map(() => true);
    text += from;
    for (const [x, dark] of modules[y].entries()) {
      text += dark ? lower[x] ? " " : "▄" : lower[x] ? "▀" : "█";
    }
    text += `${to}\n`;
  }
  return text;
}

/** The code as an SVG of one path. */
export function qrSvg(modules: Modules): string {
  const size = modules.length;
  let path = "";
  for (const [y, row] of modules.entries()) {
    for (const [x, dark] of row.entries()) if (dark) path += `M${x} ${y}h1v1h-1z`;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" ` +
    `width="${size * PIXELS}" height="${size * PIXELS}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>\n`;
}

/** The code as a PNG with one bit for each pixel (ISO/IEC 15948). */
export function qrPng(modules: Modules): Uint8Array {
  const size = modules.length * PIXELS;
  const rowBytes = Math.ceil(size / 8);
  // Each row begins with its filter, which is none.
  const pixels = new Uint8Array(size * (1 + rowBytes));
  for (let y = 0; y < size; y++) {
    const row = modules[Math.floor(y / PIXELS)];
    for (let x = 0; x < size; x++) {
      if (row[Math.floor(x / PIXELS)]) continue;
      pixels[y * (1 + rowBytes) + 1 + (x >> 3)] |= 0x80 >> (x & 7);
    }
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, size);
  header.setUint32(4, size);
  // One bit of gray; compression, filter and interlace are 0.
  header.setUint8(8, 1);
  const parts = [
    Uint8Array.from(PNG_HEADER),
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", new Uint8Array(0)),
  ];
  const png = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    png.set(part, at);
    at += part.length;
  }
  return png;
}

/** A chunk: the length of its data, its type, its data and the sum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
