/**
 * Messages of nf_tables: tables, base chains and rules made of expressions
 * (include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h). Numbers in attributes are big-endian.
 * Changes are made by a batch, which the kernel applies whole or not at all.
 * @module
 */
import { familyNumber } from "./address.ts";
import { MessageBuilder, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST } from "./message.ts";

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_SUBSYS_NFTABLES = 10;

const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;

const NLA_F_NESTED = 0x8000;
const NFTA_LIST_ELEM = 1 | NLA_F_NESTED;
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4 | NLA_F_NESTED;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4 | NLA_F_NESTED;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2 | NLA_F_NESTED;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2 | NLA_F_NESTED;
const NFTA_VERDICT_CODE = 1;

const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NF_DROP = 0;
const NFT_FIB_RESULT_ADDRTYPE = 3;
const NFTA_FIB_F_SADDR = 1;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_CT_MARK = 3;
/** The keys of `meta`. */
const META_KEYS = { mark: 3, iifname: 6, l4proto: 16 } as const;
/** The hooks of a base chain. */
const HOOKS = { prerouting: 0, postrouting: 4 } as const;

/** The family of a table: that of its packets. */
export type TableFamily = 4 | 6;

/** A base chain of the type filter, whose policy is accept. */
export interface BaseChain {
  readonly name: string;
  readonly hook: keyof typeof HOOKS;
  /** Chains of lower priorities come first; -300 is `raw`, -150 `mangle`. */
  readonly priority: number;
}

/** Writes one expression of a rule. All of them work on the same register. */
export type Expression = (builder: MessageBuilder) => void;

function be32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function expression(name: string, fill: (data: MessageBuilder) => void): Expression {
  return (builder) =>
    builder.nest(NFTA_LIST_ELEM, (element) => {
      element.attributeText(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, fill);
    });
}

/** Loads a property of the packet: its mark, interface or protocol. */
export function loadMeta(key: keyof typeof META_KEYS): Expression {
  return expression(
    "meta",
    (data) => data.attribute(2, be32(META_KEYS[key])).attribute(1, be32(NFT_REG_1)),
  );
}

/** Sets the mark of the packet. */
export const setMark: Expression = expression(
  "meta",
  (data) => data.attribute(2, be32(META_KEYS.mark)).attribute(3, be32(NFT_REG_1)),
);

/** Loads bytes of the IP header. */
export function loadHeader(offset: number, length: number): Expression {
  return expression(
    "payload",
    (data) =>
      data.attribute(1, be32(NFT_REG_1)).attribute(2, be32(NFT_PAYLOAD_NETWORK_HEADER))
        .attribute(3, be32(offset)).attribute(4, be32(length)),
  );
}

/** Loads the type (RTN_*) of the packet's source address, as the routing tables have it. */
export const loadSourceType: Expression = expression(
  "fib",
  (data) =>
    data.attribute(3, be32(NFTA_FIB_F_SADDR)).attribute(2, be32(NFT_FIB_RESULT_ADDRTYPE))
      .attribute(1, be32(NFT_REG_1)),
);

/** Loads the mark of the packet's connection. */
export const loadConnectionMark: Expression = expression(
  "ct",
  (data) => data.attribute(2, be32(NFT_CT_MARK)).attribute(1, be32(NFT_REG_1)),
);

/** Sets the mark of the packet's connection. */
export const setConnectionMark: Expression = expression(
  "ct",
  (data) => data.attribute(2, be32(NFT_CT_MARK)).attribute(4, be32(NFT_REG_1)),
);

/** Goes on with the rule if what was loaded is this value, or is not this value. */
export function compare(how: "equal" | "unequal", value: Uint8Array): Expression {
  return expression(
    "cmp",
    (data) =>
      data.attribute(1, be32(NFT_REG_1)).attribute(2, be32(how === "equal" ? 0 : 1))
        .nest(3 | NLA_F_NESTED, (inner) => void inner.attribute(NFTA_DATA_VALUE, value)),
  );
}

/** Drops the packet. */
export const drop: Expression = expression(
  "immediate",
  (data) =>
    data.attribute(1, be32(NFT_REG_VERDICT)).nest(2 | NLA_F_NESTED, (value) => {
      value.nest(
        NFTA_DATA_VERDICT,
        (verdict) => void verdict.attribute(NFTA_VERDICT_CODE, be32(NF_DROP)),
      );
    }),
);

/** Asks for a table. ENOENT if there is none. */
export function encodeTableGet(
  sequence: number,
  family: TableFamily,
  name: string,
): Uint8Array<ArrayBuffer> {
  const type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
  return new MessageBuilder(type, NLM_F_REQUEST | NLM_F_ACK, sequence)
    .u8(familyNumber(family)).u8(0).u8(0).u8(0).attributeText(NFTA_TABLE_NAME, name).finish();
}

/** Collects the messages of a batch. */
export class NftablesBatch {
  readonly #messages: Uint8Array<ArrayBuffer>[] = [];
  #sequence: number;

  /** @param sequence the sequence number of the first message */
  constructor(sequence: number) {
    this.#sequence = sequence;
    this.#frame(NFNL_MSG_BATCH_BEGIN);
  }

  #frame(type: number): void {
    const message = new MessageBuilder(type, NLM_F_REQUEST, this.#sequence++);
    this.#messages.push(message.u8(0).u8(0).u8(0).u8(NFNL_SUBSYS_NFTABLES).finish());
  }

  #add(
    type: number,
    flags: number,
    family: TableFamily,
    fill: (builder: MessageBuilder) => void,
  ): this {
    const message = new MessageBuilder(
      NFNL_SUBSYS_NFTABLES << 8 | type,
      NLM_F_REQUEST | NLM_F_ACK | flags,
      this.#sequence++,
    ).u8(familyNumber(family)).u8(0).u8(0).u8(0);
    fill(message);
    this.#messages.push(message.finish());
    return this;
  }

  /** Adds a table, if there is none of this name. */
  addTable(family: TableFamily, name: string): this {
    return this.#add(NFT_MSG_NEWTABLE, 0, family, (builder) => {
      builder.attributeText(NFTA_TABLE_NAME, name).attribute(NFTA_TABLE_FLAGS, be32(0));
    });
  }

  /** Deletes a table with its chains and rules. ENOENT if there is none. */
  deleteTable(family: TableFamily, name: string): this {
    return this.#add(NFT_MSG_DELTABLE, 0, family, (builder) => {
      builder.attributeText(NFTA_TABLE_NAME, name);
    });
  }

  /** Adds a base chain. */
  addChain(family: TableFamily, table: string, chain: BaseChain): this {
    return this.#add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, (builder) => {
      builder.attributeText(NFTA_CHAIN_TABLE, table).attributeText(NFTA_CHAIN_NAME, chain.name)
        .attributeText(NFTA_CHAIN_TYPE, "filter").nest(NFTA_CHAIN_HOOK, (hook) => {
          hook.attribute(NFTA_HOOK_HOOKNUM, be32(HOOKS[chain.hook]))
            .attribute(NFTA_HOOK_PRIORITY, be32(chain.priority));
        });
    });
  }

  /** Adds a rule at the end of a chain. */
  addRule(family: TableFamily, table: string, chain: string, rule: readonly Expression[]): this {
    return this.#add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family, (builder) => {
      builder.attributeText(NFTA_RULE_TABLE, table).attributeText(NFTA_RULE_CHAIN, chain)
        .nest(NFTA_RULE_EXPRESSIONS, (list) => rule.forEach((one) => one(list)));
    });
  }

  /** Ends the batch and returns its messages, which are sent at once. */
  finish(): readonly Uint8Array<ArrayBuffer>[] {
    this.#frame(NFNL_MSG_BATCH_END);
    return this.#messages;
  }
}
