/**
 * Netlink messages as bytes: the header, attributes and acknowledgements
 * (include/uapi/linux/netlink.h). All numbers are little-endian, as on both supported
 * architectures, except addresses. All parts are aligned to four bytes.
 *
 * Building throws only on a mistake in the program. Reading accepts any bytes: malformed ones give
 * undefined, never an exception and never a read past the end.
 * @module
 */

/** The length of struct nlmsghdr in bytes. */
const HEADER_BYTES = 16;
/** The length of struct nlattr in bytes. */
const ATTRIBUTE_HEADER_BYTES = 4;

/** The message types that all families share. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

/** Flags of nlmsghdr. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_DUMP = 0x300;

/** The bit of a type that marks a nested attribute. Generic netlink requires it. */
export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const NLMSGERR_ATTR_MSG = 1;

const align4 = (length: number): number => (length + 3) & ~3;

/** Writes one message: the fixed part with `u8` ... `i32`, then attributes, then `finish`. */
export class MessageBuilder {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER_BYTES;

  /**
   * @param type the type of the message, e.g. RTM_NEWADDR
   * @param flags NLM_F_*
   * @param sequence 32 bits; the answers carry it
   */
  constructor(type: number, flags: number, sequence: number) {
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, flags, true);
    this.#view.setUint32(8, sequence, true);
  }

  #room(length: number): number {
    const at = this.#length;
    if (at + length + 4 > this.#bytes.length) {
      const larger = new Uint8Array(2 * (at + length + 4));
      larger.set(this.#bytes);
      this.#bytes.fill(0);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = at + length;
    return at;
  }

  u8(value: number): this {
    this.#view.setUint8(this.#room(1), value);
    return this;
  }
  u16(value: number): this {
    this.#view.setUint16(this.#room(2), value, true);
    return this;
  }
  u32(value: number): this {
    this.#view.setUint32(this.#room(4), value, true);
    return this;
  }

  /** Writes an attribute with its padding. */
  attribute(type: number, value: Uint8Array): this {
    const at = this.#room(align4(ATTRIBUTE_HEADER_BYTES + value.length));
    this.#view.setUint16(at, ATTRIBUTE_HEADER_BYTES + value.length, true);
    this.#view.setUint16(at + 2, type, true);
    this.#bytes.set(value, at + ATTRIBUTE_HEADER_BYTES);
    return this;
  }

  /** Writes an attribute of 32 bits. */
  attributeU32(type: number, value: number): this {
    const at = this.#room(ATTRIBUTE_HEADER_BYTES + 4);
    this.#view.setUint16(at, ATTRIBUTE_HEADER_BYTES + 4, true);
    this.#view.setUint16(at + 2, type, true);
    this.#view.setUint32(at + 4, value, true);
    return this;
  }

  /** Writes a text with its terminating zero. */
  attributeText(type: number, text: string): this {
    return this.attribute(type, new TextEncoder().encode(text + "\0"));
  }

  /** The number of bytes so far, with the header. */
  get length(): number {
    return this.#length;
  }

  /** Writes an attribute of 16 bits. */
  attributeU16(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value, value >>> 8));
  }

  /**
   * Writes a nested attribute; `fill` writes its attributes. NLA_F_NESTED is not set, because the
   * older attributes of rtnetlink do not expect it; newer families require it as part of `type`.
   */
  nest(type: number, fill: (inner: this) => void): this {
    const at = this.#room(ATTRIBUTE_HEADER_BYTES);
    this.#view.setUint16(at + 2, type, true);
    fill(this);
    this.#view.setUint16(at, this.#length - at, true);
    return this;
  }

  /** The bytes after the header so far. */
  payload(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(HEADER_BYTES, this.#length);
  }

  /** Erases the builder's own copy of a message with keys. */
  erase(): void {
    this.#bytes.fill(0);
  }

  /** Sets the length and returns the message. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(0, this.#length, true);
    return this.#bytes.slice(0, this.#length);
  }
}

/** A message that was read. `payload` is a view of the bytes given to `readMessages`. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  readonly payload: Uint8Array;
}

/** Splits a datagram into its messages; undefined if a length in it is wrong. */
export function readMessages(datagram: Uint8Array): NetlinkMessage[] | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < datagram.length;) {
    if (datagram.length - at < HEADER_BYTES) return undefined;
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > datagram.length - at) return undefined;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      portId: view.getUint32(at + 12, true),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** Attributes by type. As in the kernel, the last one of a type counts. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** The attributes of a payload from byte `from` on; undefined if a length is wrong. */
export function readAttributes(payload: Uint8Array, from: number): Attributes | undefined {
  const list = readAttributeList(payload, from);
  return list === undefined ? undefined : new Map(list);
}

/**
 * The attributes of a payload from byte `from` on in their order, for arrays, whose elements have
 * the same type; undefined if a length is wrong.
 */
export function readAttributeList(
  payload: Uint8Array,
  from: number,
): (readonly [type: number, value: Uint8Array])[] | undefined {
  if (from > payload.length) return undefined;
  const attributes: [number, Uint8Array][] = [];
  for (let at = from; at < payload.length;) {
    if (payload.length - at < ATTRIBUTE_HEADER_BYTES) return undefined;
    const length = payload[at] | payload[at + 1] << 8;
    if (length < ATTRIBUTE_HEADER_BYTES || length > payload.length - at) return undefined;
    const type = (payload[at + 2] | payload[at + 3] << 8) & NLA_TYPE_MASK;
    attributes.push([type, payload.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length)]);
    at += align4(length);
  }
  return attributes;
}

/** A text attribute without its zero; undefined if it is absent. */
export function attributeText(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  const text = end < 0 ? value : value.subarray(0, end);
  // Nearly all names are ASCII, and a TextDecoder costs more than the rest of the message.
  return text.every((byte) => byte < 128)
    ? String.fromCharCode(...text)
    : new TextDecoder().decode(text);
}

/** An attribute of 32 bits; undefined if it is absent or of another size. */
export function attributeU32(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? readU32(value, 0) : undefined;
}

/** Four bytes as an unsigned number. The caller has checked the length. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

/** Eight bytes as a number, exact up to 2^53. The caller has checked the length. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU32(bytes, at + 4) * 2 ** 32;
}

/** The result in a NLMSG_ERROR or NLMSG_DONE message. */
export interface Verdict {
  /** The positive errno; 0 for success. */
  readonly errno: number;
  /** The kernel's explanation (extended ack), or an empty text. */
  readonly detail: string;
}

/**
 * Reads a NLMSG_ERROR or NLMSG_DONE message; undefined if it is malformed. A NLMSG_DONE without a
 * code is a success.
 */
export function readVerdict(message: NetlinkMessage): Verdict | undefined {
  const { payload, type, flags } = message;
  if (payload.length < 4) return type === NLMSG_DONE ? { errno: 0, detail: "" } : undefined;
  const code = readU32(payload, 0) | 0;
  if (code > 0) return undefined;
  let detail = "";
  if ((flags & NLM_F_ACK_TLVS) !== 0) {
    let from = 4;
    if (type === NLMSG_ERROR) {
      if (payload.length < 4 + HEADER_BYTES) return undefined;
      from += (flags & NLM_F_CAPPED) !== 0 ? HEADER_BYTES : align4(readU32(payload, 4));
    }
    detail = attributeText(readAttributes(payload, from)?.get(NLMSGERR_ATTR_MSG)) ?? "";
  }
  return { errno: code === 0 ? 0 : -code, detail };
}
