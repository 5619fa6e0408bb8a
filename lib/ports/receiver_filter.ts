/**
 * The filter of a group of UDP sockets on one port (SO_ATTACH_REUSEPORT_CBPF): it tells which
 * socket gets a datagram. A data message goes to the receiver that its index names
 * (data_planes.ts), all else to the first. The program is classic BPF
 * (include/uapi/linux/filter.h). It sees the payload of the datagram, and what lies outside of it
 * ends it with 0.
 * @module
 */
import { MESSAGE_DATA } from "../base/constants.ts";
import { FILTER_STEP_BYTES } from "../../ffi/bpf.ts";

/** BPF_LD | BPF_B | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_ALU | BPF_MOD, BPF_RET | BPF_A and BPF_K. */
const LOAD_BYTE = 0x30;
const EQUAL = 0x15;
const REMAINDER = 0x94;
const RETURN_LOADED = 0x16;
const RETURN = 0x06;

/** The last byte of the receiver index. */
const INDEX_BYTE_AT = 7;

/** The program for a number of receivers, in bytes. */
export function receiverFilter(receivers: number): Uint8Array {
  const steps: readonly (readonly [number, number, number, number])[] = [
    [LOAD_BYTE, 0, 0, 0],
    [EQUAL, 0, 3, MESSAGE_DATA],
    [LOAD_BYTE, 0, 0, INDEX_BYTE_AT],
    [REMAINDER, 0, 0, receivers],
    [RETURN_LOADED, 0, 0, 0],
    [RETURN, 0, 0, 0],
  ];
  const program = new Uint8Array(steps.length * FILTER_STEP_BYTES);
  const view = new DataView(program.buffer);
  for (const [i, [code, jumpTrue, jumpFalse, value]] of steps.entries()) {
    view.setUint16(i * FILTER_STEP_BYTES, code, true);
    view.setUint8(i * FILTER_STEP_BYTES + 2, jumpTrue);
    view.setUint8(i * FILTER_STEP_BYTES + 3, jumpFalse);
    view.setUint32(i * FILTER_STEP_BYTES + 4, value, true);
  }
  return program;
}
