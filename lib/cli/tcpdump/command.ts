/**
 * `wg tcpdump`: prints or records the packets of an interface until it is ended.
 * @module
 */
import { concatBytes } from "npm:@noble/hashes@2.4.0/utils.js";
import { wipeStatus } from "../../base/config.ts";
import { EPERM, osError } from "../../base/errno.ts";
import { ConfigError } from "../../base/errors.ts";
import { findPeer } from "../../base/peer_name.ts";
import { displayPath } from "../../base/quote.ts";
import { captureRecords } from "../../daemon/capture_stream.ts";
import { getDevice } from "../../daemon/client.ts";
import { VERSION } from "../../daemon/program.ts";
import { asOsError } from "../../daemon/socket_folder.ts";
import type { CaptureRequest } from "../../uapi/capture.ts";
import type { Command } from "../command.ts";
import { complain } from "../output.ts";
import { openCaptureFile } from "./capture_file.ts";
import { type CapturedPacket, type CapturedSecrets, RecordReader } from "./packet.ts";
import { pcapngEnd, pcapngHead, pcapngPacket, pcapngSecrets } from "./pcapng.ts";
import { packetLine, packetObject } from "./text.ts";
import { parseTcpdump, type TcpdumpLine } from "./words.ts";

/** The command `tcpdump`. */
export const command: Command = { run: tcpdump };

/** Where packets go. Signals are handled while a slow reader is waited for. */
interface Sink {
  packet(packet: CapturedPacket): void;
  secrets(secrets: CapturedSecrets): void;
  /** Writes what there is. */
  flush(): Promise<void>;
  end(dropped: number): Promise<void>;
}

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * After a signal, how often it is looked whether the records that are left move, and after how many
 * looks without a move the signal ends the process. A process that had no processor has not looked.
 */
const LOOK_MS = 500;
const STILL_LOOKS = 6;

async function tcpdump(args: readonly string[]): Promise<number> {
  const line = parseTcpdump(args);
  if (line.secrets && Deno.uid() !== 0) {
    throw osError("tcpdump", "--secrets", EPERM, "only root may");
  }
  if (line.file === "-" && Deno.stdout.isTerminal()) {
    throw new ConfigError("-w", "packets are not written to a terminal; a pipe is required");
  }
  const request = await requestOf(line);
  const stop = new AbortController();
  const listeners = ENDING.map((signal) => [signal, () => end(signal)] as const);
  const unlisten = () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
  let moves = 0;
  const end = (signal: Deno.Signal) => {
    stop.abort();
    let seen = moves;
    let still = 0;
    // Nobody may read what is written.
    Deno.unrefTimer(setInterval(() => {
      still = moves === seen ? still + 1 : 0;
      seen = moves;
      if (still < STILL_LOOKS) return;
      unlisten();
      Deno.kill(Deno.pid, signal);
    }, LOOK_MS));
  };
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  let sink: Sink | undefined;
  const reader = new RecordReader();
  let packets = 0;
  let dropped = 0;
  try {
    // The file is made when the daemon has agreed.
    const begun = async () => {
      sink = await sinkOf(line);
      if (line.secrets) warn(line);
      complain(`capturing on ${line.interface}; Ctrl-C ends it`);
    };
    for await (const records of captureRecords(line.interface, request, stop.signal, begun)) {
      for (const record of records) {
        if (packets >= line.count) break;
        const captured = reader.read(record);
        if (captured?.type === "dropped") dropped = captured.count;
        if (captured?.type === "secrets") sink?.secrets(captured.secrets);
        if (captured?.type !== "packet") continue;
        sink?.packet(captured.packet);
        packets++;
      }
      await sink?.flush();
      moves++;
      if (packets >= line.count) break;
    }
  } finally {
    await sink?.end(dropped);
    unlisten();
  }
  complain(`${packets} packets captured, ${dropped} dropped`);
  return 0;
}

async function requestOf(line: TcpdumpLine): Promise<CaptureRequest> {
  const { layers, snap, secrets, ranges } = line;
  const request = { ...layers, snap, secrets, ranges };
  if (line.peers.length === 0) return { ...request, peers: [] };
  const status = await getDevice(line.interface);
  wipeStatus(status);
  const peers = line.peers.map((text) => findPeer("peer", text, status.peers).publicKey);
  return { ...request, peers };
}

function warn({ file, interface: name }: TcpdumpLine): void {
  complain(
    `WARNING: ${file === "-" ? "the output" : file} will have the private key of ${name} and the ` +
      "keys of its handshakes. Who has it can read this traffic and pose as this interface. " +
      "Sessions from before this capture cannot be decrypted.",
  );
}

async function sinkOf(line: TcpdumpLine): Promise<Sink> {
  if (line.file !== undefined) return await fileSink(line, line.file);
  const encoder = new TextEncoder();
  const lines: string[] = [];
  const flush = () => writeAll(Deno.stdout, encoder.encode(lines.splice(0).join("")));
  return {
    packet: (packet) =>
      lines.push(
        `${line.json ? JSON.stringify(packetObject(packet)) : packetLine(packet, clock(packet))}\n`,
      ),
    secrets: () => {},
    flush,
    end: flush,
  };
}

async function fileSink(line: TcpdumpLine, path: string): Promise<Sink> {
  const file = path === "-" ? undefined : await openCaptureFile(path);
  const blocks = [pcapngHead(line.interface, line.snap, `wg ${VERSION}`)];
  const flush = async () => {
    const bytes = concatBytes(...blocks);
    // They may have secrets.
    for (const block of blocks.splice(0)) block.fill(0);
    try {
      await writeAll(file ?? Deno.stdout, bytes);
    } catch (error) {
      throw file === undefined ? error : asOsError("write", displayPath(path), error);
    } finally {
      bytes.fill(0);
    }
  };
  await flush();
  return {
    packet: (packet) => blocks.push(pcapngPacket(packet)),
    secrets: (secrets) => blocks.push(pcapngSecrets(secrets)),
    flush,
    end: async (dropped) => {
      blocks.push(pcapngEnd(Date.now(), dropped));
      await flush();
      file?.close();
    },
  };
}

/** Writes all bytes, also if a pipe takes them in pieces. */
async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** The time of a packet, as tcpdump(8) prints it: the local time with microseconds. */
function clock({ unixMs }: CapturedPacket): string {
  const date = new Date(unixMs);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const micros = `${Math.floor(unixMs % 1000 * 1000)}`.padStart(6, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
