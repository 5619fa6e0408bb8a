/**
 * `wg tcpdump`: prints or records the packets of an interface until it is ended.
 * @module
 */
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
import { complain, printAll, printBytes } from "../output.ts";
import { openCaptureFile } from "./capture_file.ts";
import { type CapturedPacket, type CapturedSecrets, RecordReader } from "./packet.ts";
import { pcapngEnd, pcapngHead, pcapngPacket, pcapngSecrets } from "./pcapng.ts";
import { packetLine, packetObject } from "./text.ts";
import { parseTcpdump, type TcpdumpLine } from "./words.ts";

/** The command `tcpdump`. */
export const command: Command = { run: tcpdump };

/** Where packets go. */
interface Sink {
  packet(packet: CapturedPacket): void;
  secrets(secrets: CapturedSecrets): void;
  end(dropped: number): void;
}

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
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const end = () => stop.abort();
  for (const signal of signals) Deno.addSignalListener(signal, end);
  let sink: Sink | undefined;
  const reader = new RecordReader();
  let packets = 0;
  let dropped = 0;
  try {
    // The file is made when the daemon has agreed.
    const records = captureRecords(line.interface, request, stop.signal, () => {
      sink = sinkOf(line);
      if (line.secrets) warn(line);
      complain(`capturing on ${line.interface}; Ctrl-C ends it`);
    });
    for await (const record of records) {
      const captured = reader.read(record);
      if (captured?.type === "dropped") dropped = captured.count;
      if (captured?.type === "secrets") sink?.secrets(captured.secrets);
      if (captured?.type !== "packet") continue;
      sink?.packet(captured.packet);
      if (++packets >= line.count) break;
    }
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, end);
    sink?.end(dropped);
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

function sinkOf(line: TcpdumpLine): Sink {
  if (line.file !== undefined) return fileSink(line, line.file);
  return {
    packet: (packet) =>
      printAll(
        `${line.json ? JSON.stringify(packetObject(packet)) : packetLine(packet, clock(packet))}\n`,
      ),
    secrets: () => {},
    end: () => {},
  };
}

function fileSink(line: TcpdumpLine, path: string): Sink {
  const file = path === "-" ? undefined : openCaptureFile(path);
  const write = (bytes: Uint8Array) => {
    if (file === undefined) return printBytes(bytes);
    try {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    } catch (error) {
      throw asOsError("write", displayPath(path), error);
    }
  };
  write(pcapngHead(line.interface, line.snap, `wg ${VERSION}`));
  return {
    packet: (packet) => write(pcapngPacket(packet)),
    secrets: (secrets) => {
      const bytes = pcapngSecrets(secrets);
      write(bytes);
      bytes.fill(0);
    },
    end: (dropped) => {
      write(pcapngEnd(Date.now(), dropped));
      file?.close();
    },
  };
}

/** The time of a packet, as tcpdump(8) prints it: the local time with microseconds. */
function clock({ unixMs }: CapturedPacket): string {
  const date = new Date(unixMs);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const micros = `${Math.floor(unixMs % 1000 * 1000)}`.padStart(6, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
