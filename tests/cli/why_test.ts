/**
 * The diagnosis: facts give the right verdict, for every cause.
 * @module
 */
import assert from "node:assert/strict";
import type { PeerStatus } from "../../lib/base/config.ts";
import type { PresharedKey, PublicKey } from "../../lib/base/brands.ts";
import { type Evidence, type EvidenceKind, isEvidenceKind } from "../../lib/base/evidence.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseEndpoint, parseRange } from "../../lib/base/ip_text.ts";
import { type InterfaceStatus, type LinkFacts, NO_FACTS } from "../../lib/base/status.ts";
import { parseWhy } from "../../lib/cli/why/command.ts";
import { diagnose, isWell } from "../../lib/cli/why/diagnose.ts";
import type { Facts } from "../../lib/cli/why/facts.ts";
import { diagnosisJson, formatDiagnosis } from "../../lib/cli/why/text.ts";
import type { Level } from "../../lib/cli/why/verdict.ts";

const ENDPOINT = "10.0.0.2:7222";

/** `KIND SECONDS [COUNT] [WHO] [DETAIL]` */
function evidence(line: string): Evidence {
  const [kind, seconds, count = "1", who = "-", ...detail] = line.split(" ");
  assert.ok(isEvidenceKind(kind), kind);
  return {
    kind: kind as EvidenceKind,
    ageMs: Number(seconds) * 1000,
    count: Number(count),
    who: who === "-" ? "" : who,
    detail: detail.join(" "),
  };
}

interface Case {
  readonly endpoint?: string;
  readonly peer?: Partial<PeerStatus>;
  readonly of?: readonly string[];
  readonly strangers?: readonly string[];
  readonly status?: Partial<InterfaceStatus>;
  readonly facts?: Partial<Facts>;
  /** Makes facts that have the peer as their key. */
  readonly route?: { readonly through: string; readonly mtu: number };
  readonly unrouted?: string;
}

const key = (byte: number) => new Uint8Array(32).fill(byte) as PublicKey;
const range = (text: string) => parseRange(text) ?? assert.fail(text);
const LINK: LinkFacts = { index: 7, flags: 1, mtu: 1420, name: "wg1", alias: "", addresses: [] };

function peerOf(given: Case): PeerStatus {
  const endpoint = given.endpoint ?? ENDPOINT;
  return {
    publicKey: key(2),
    presharedKey: new Uint8Array(32) as PresharedKey,
    endpoint: endpoint === "" ? undefined : parseEndpoint(endpoint),
    persistentKeepalive: 0,
    allowedIps: [range("192.168.5.2/32")],
    description: "office",
    txBytes: 0,
    rxBytes: 0,
    lastHandshakeUnixMs: 0,
    evidence: (given.of ?? []).map(evidence),
    ...given.peer,
  };
}

function factsOf(given: Case): Facts {
  const peer = peerOf(given);
  const other: PeerStatus = {
    ...peerOf({ endpoint: "" }),
    publicKey: key(3),
    description: "laptop",
    allowedIps: [range("192.168.7.0/24")],
  };
  return {
    name: "wg1",
    status: {
      ...NO_FACTS,
      features: ["evidence"],
      up: true,
      privateKey: undefined,
      publicKey: key(1),
      listenPort: 7111,
      fwmark: 0,
      rtable: 0,
      debug: false,
      link: LINK,
      peers: [peer, other],
      evidence: (given.strangers ?? []).map(evidence),
      ...given.status,
    },
    unixMs: Date.now(),
    outer: new Map(given.route === undefined ? [] : [[peer, given.route]]),
    unrouted: new Map(given.unrouted === undefined ? [] : [[peer, range(given.unrouted)]]),
    ownAddresses: new Set(["10.0.0.1"]),
    ...given.facts,
  };
}

/** Three initiations, none of them answered. */
const TRIED = [
  `handshake_initiation_sent 2 3 ${ENDPOINT}`,
  `handshake_retried 2 2 ${ENDPOINT}`,
];
const WORKS = ["handshake_completed 20 1 - initiator", "received 3"];

/** The cause that each case must have, and words that must be told. */
const CASES: readonly (readonly [cause: string, Level, Case, ...words: string[]])[] = [
  [
    "name-unresolved",
    "broken",
    {
      endpoint: "",
      peer: {
        endpointName: { host: "vpn.example", port: 1, addresses: [], problem: "no such name" },
      },
    },
    "vpn.example",
    "no such name",
  ],
  [
    "disabled",
    "warning",
    {
      peer: { disabled: { reason: "quota", sinceUnixMs: 86_400_000 } },
      of: [...TRIED, `handshake_disabled 2 3 ${ENDPOINT}`],
    },
    "quota",
    "1970-01-02",
    "3 times",
    "--quota SIZE",
  ],
  [
    "disabled",
    "warning",
    { peer: { disabled: { reason: "expired", sinceUnixMs: 86_400_000 } } },
    "-wgexpires",
  ],
  ["no-endpoint", "broken", { endpoint: "", of: ["handshake_no_endpoint 4 2"] }, "2 times"],
  ["no-endpoint", "broken", { endpoint: "", of: ["tx_no_endpoint 4"] }, "4 seconds ago"],
  ["idle", "well", { endpoint: "", of: ["handshake_no_endpoint 400 2"] }, "not called", "2 times"],
  ["endpoint-is-ours", "broken", {
    endpoint: "10.0.0.1:7111",
    of: TRIED,
    strangers: ["handshake_mac1_wrong 2 3 10.0.0.1:7111 initiation"],
  }, "this interface itself"],
  ["port-refused", "broken", {
    endpoint: "10.0.0.1:7112",
    of: TRIED,
    strangers: ["udp_icmp_errors 2 4 10.0.0.1:7112 port-unreachable 10.0.0.1 0"],
  }],
  // The same link-local address may be on another link.
  ["no-answer", "broken", {
    endpoint: "[fe80::1%3]:7111",
    of: TRIED,
    facts: { ownAddresses: new Set(["fe80::1"]) },
  }],
  ["endpoint-unspecified", "broken", { endpoint: "0.0.0.0:7222", of: TRIED }, "of no machine"],
  ["no-ranges", "warning", { peer: { allowedIps: [] } }, "no packets are sent to it"],
  ["name-looked-up", "well", {
    endpoint: "",
    of: ["handshake_no_endpoint 1 1"],
    peer: { endpointName: { host: "vpn.example", port: 1, addresses: [], problem: "" } },
  }, "vpn.example"],
  [
    "no-answer",
    "broken",
    {
      of: TRIED,
      peer: {
        endpointName: {
          host: "vpn.example",
          port: 7222,
          addresses: [parseEndpoint(ENDPOINT)!.address],
          problem: "may not read the file",
        },
      },
    },
    "vpn.example",
    "may not read the file",
    "udp port 7222",
  ],
  ["weak-key", "broken", { of: ["handshake_weak_key 4 1"] }],
  ["endpoint-inside-tunnel", "broken", { of: [...TRIED, `tx_looped 1 5 ${ENDPOINT} x`] }, ENDPOINT],
  ...([
    ["no-route", "ENETUNREACH"],
    ["route-unreachable", "EHOSTUNREACH"],
    ["route-prohibited", "EACCES"],
    ["route-blackhole", "EINVAL"],
    ["refused-by-own-firewall", "EPERM"],
    ["no-such-family", "EAFNOSUPPORT"],
    ["network-down", "ENETDOWN"],
    ["no-memory", "ENOBUFS"],
    ["unsent", "EDOM"],
  ] as const).map(([cause, errno]) =>
    [
      cause,
      "broken",
      { of: ["handshake_initiation_sent 300", `handshake_send_failed 2 3 ${ENDPOINT} ${errno}`] },
      errno,
      ENDPOINT,
    ] as const
  ),
  ["preshared-key-differs", "broken", {
    of: [...TRIED, `handshake_response_forged 2 3 ${ENDPOINT}`],
  }, "no preshared key is set here"],
  ["preshared-key-differs", "broken", {
    peer: { hasPresharedKey: true },
    of: [...TRIED, `handshake_response_forged 2 3 ${ENDPOINT}`],
  }, "a preshared key is set here"],
  ["clock-behind", "broken", { of: [`handshake_replayed 2 3 ${ENDPOINT} 3600`] }, "1 hour"],
  ["rate-limited", "broken", { of: [`handshake_too_often 2 30 ${ENDPOINT}`] }],
  ["rate-limited", "broken", { of: TRIED, strangers: [`handshake_rate_limited 2 30 ${ENDPOINT}`] }],
  ["no-room", "broken", { of: ["handshake_no_index 2"] }],
  ["other-key-at-endpoint", "broken", {
    of: TRIED,
    strangers: [
      "handshake_unknown_peer 1 3 10.0.0.2:9 THEIRS-ELSE",
      `handshake_unknown_peer 3 3 ${ENDPOINT} THEIRS`,
    ],
  }, "the public key THEIRS,"],
  ["our-key-wrong-there", "broken", {
    of: TRIED,
    strangers: [`handshake_mac1_wrong 3 3 ${ENDPOINT} initiation`],
  }, key(1).toBase64()],
  // Nothing is to be sent from here, so that somebody else may have sent them.
  [
    "our-key-wrong-there",
    "warning",
    {
      strangers: [`handshake_mac1_wrong 3 4 ${ENDPOINT} initiation`],
    },
    key(1).toBase64(),
    "Messages from the peer's endpoint",
    "4 times",
  ],
  [
    "our-key-wrong-there",
    "warning",
    {
      strangers: ["handshake_mac1_wrong 3 4 10.0.0.2:9 initiation"],
    },
    "Messages from the peer's address",
    "somebody else sends them",
  ],
  // A message of long ago hides nothing.
  ["no-answer", "broken", {
    of: TRIED,
    strangers: [`handshake_mac1_wrong 181 1 ${ENDPOINT} initiation`],
  }],
  ["port-refused", "broken", {
    of: TRIED,
    strangers: [
      `handshake_mac1_wrong 181 1 ${ENDPOINT} initiation`,
      `udp_icmp_errors 2 4 ${ENDPOINT} port-unreachable 10.0.0.2 0`,
    ],
  }],
  ["our-key-wrong-there", "warning", {
    of: ["handshake_completed 900 1 - initiator"],
    strangers: [`handshake_mac1_wrong 3 4 ${ENDPOINT} initiation`],
  }, "4 times"],
  ...([
    ["port-refused", "port-unreachable 10.0.0.2 0", "The machine at its endpoint"],
    ["host-unreachable", "host-unreachable 10.9.9.9 0", "10.9.9.9, on the way,"],
    ["net-unreachable", "net-unreachable 10.9.9.9 0", "10.9.9.9"],
    ["prohibited", "prohibited 10.9.9.9 0", "administratively prohibited"],
    ["too-big", "too-big 10.9.9.9 900", "smaller"],
    ["too-many-hops", "time-exceeded 10.9.9.9 0", "10.9.9.9"],
    ["icmp-error", "other - 0", "A host on the way"],
    ["no-neighbour", "host-unreachable 10.0.0.1 0", "own network"],
  ] as const).map(([cause, detail, words]) =>
    [
      cause,
      "broken",
      { of: TRIED, strangers: [`udp_icmp_errors 2 4 ${ENDPOINT} ${detail}`] },
      words,
    ] as const
  ),
  ["cookies-in-a-loop", "broken", { of: [...TRIED, `cookie_accepted 2 3 ${ENDPOINT}`] }],
  ["response-unused", "broken", {
    of: [`handshake_initiation_accepted 2 3 ${ENDPOINT}`],
  }, "3 times"],
  ["no-answer", "broken", { of: TRIED }, "we are not its peer", key(1).toBase64()],
  ["no-answer", "broken", {
    of: ["handshake_completed 900 1 - initiator", ...TRIED],
  }, "15 minutes ago"],
  ["nat-closed", "broken", {
    of: [
      "handshake_completed 900 1 - responder",
      ...TRIED,
      `endpoint_moved 900 1 ${ENDPOINT} 10.0.0.2:4000`,
    ],
  }, "wgpka 25"],
  [
    "inner-source-not-allowed",
    "broken",
    {
      of: [...WORKS, `rx_unallowed_source 1 4 ${ENDPOINT} 192.168.7.9`],
    },
    "192.168.7.9",
    "192.168.7.0/24 of laptop",
    "192.168.5.2/32",
  ],
  ["inner-source-not-allowed", "broken", {
    of: [...WORKS, `rx_unallowed_source 1 4 ${ENDPOINT} 10.7.7.7`],
  }, "no peer may use that source"],
  ["inner-source-is-ours", "broken", {
    of: [...WORKS, `rx_own_source 1 4 ${ENDPOINT} 192.168.5.1`],
  }, "192.168.5.1"],
  ["refused-by-own-firewall", "broken", {
    of: [...WORKS, `tx_send_failed 1 9 ${ENDPOINT} EPERM`],
  }, "data"],
  ["no-data", "broken", { of: [WORKS[0], "handshake_unanswered 40 2", "received 90"] }],
  ["no-data", "broken", { of: [WORKS[0], "data_unanswered 16"] }],
  [
    "mtu-too-large",
    "broken",
    {
      of: [WORKS[0], "data_unanswered 16"],
      route: { through: "eth0", mtu: 1400 },
    },
    "1400",
    "mtu 1340",
  ],
  ["no-data-back", "broken", {
    of: [...WORKS, "data_sent 20"],
    peer: { counters: { rx_keepalives: 3 } },
  }],
  ["keepalive-missing", "warning", {
    of: [
      "handshake_completed 20 1 - responder",
      `called_first 20 1 ${ENDPOINT} 10.0.0.2:4000`,
      `endpoint_moved 20 1 ${ENDPOINT} 10.0.0.2:4000`,
    ],
  }, "from 4000 to 7222"],
  ["mtu-too-large", "warning", { of: WORKS, route: { through: "eth0", mtu: 1400 } }, "eth0"],
  [
    "mtu-too-large",
    "warning",
    {
      of: WORKS,
      route: { through: "eth0", mtu: 1500 },
      strangers: [`udp_icmp_errors 2 4 ${ENDPOINT} too-big 10.9.9.9 1300`],
    },
    "10.9.9.9",
    "mtu 1280",
  ],
  ["not-routed-here", "warning", { of: WORKS, unrouted: "192.168.5.2/32" }, "192.168.5.2/32"],
  ["handshake-under-way", "well", { of: [`handshake_initiation_sent 1 1 ${ENDPOINT}`] }],
  ["nat-changed-port", "well", { of: [...WORKS, `endpoint_moved 9 1 ${ENDPOINT} 10.0.0.2:4000`] }],
  [
    "endpoint-alternates",
    "warning",
    {
      of: [
        ...WORKS,
        `endpoint_moved 1 9 ${ENDPOINT} 10.0.0.3:7`,
        `endpoint_alternated 1 8 ${ENDPOINT} 10.0.0.3:7`,
      ],
    },
    "10.0.0.2:7222 and 10.0.0.3:7",
    "8 times",
  ],
  ["no-data", "broken", {
    of: [
      WORKS[0],
      "data_unanswered 16",
      `endpoint_moved 1 9 ${ENDPOINT} 10.0.0.3:7`,
      `endpoint_alternated 1 8 ${ENDPOINT} 10.0.0.3:7`,
    ],
  }, "two machines use the peer's private key"],
  ...["3 3", "61 9"].map((few) =>
    ["roamed", "well", {
      of: [
        ...WORKS,
        `endpoint_moved 3 9 ${ENDPOINT} 10.0.0.3:7`,
        `endpoint_alternated ${few} ${ENDPOINT} 10.0.0.3:7`,
      ],
    }] as const
  ),
  ["roamed", "well", { of: [...WORKS, `endpoint_moved 9 1 ${ENDPOINT} 10.0.0.3:7222`] }],
  // An initiation from another address, and no packet from there.
  [
    "idle",
    "well",
    {
      of: [
        `handshake_initiation_accepted 2 1 ${ENDPOINT}`,
        `endpoint_moved 2 1 ${ENDPOINT} 10.0.0.3:7222`,
      ],
    },
    "has not gone on yet",
    ENDPOINT,
  ],
  ["works", "well", {
    of: [
      WORKS[0],
      "received 12",
      `handshake_initiation_accepted 2 1 ${ENDPOINT}`,
      `endpoint_moved 2 1 ${ENDPOINT} 10.0.0.3:7222`,
    ],
    peer: { lastHandshakeUnixMs: 1 },
  }, "12 seconds ago"],
  ["answer-awaited", "well", { of: [WORKS[0], "data_unanswered 3"] }, "handshake is done", "never"],
  ["answer-awaited", "well", { of: [WORKS[0], "received 14", "data_unanswered 13"] }, "has worked"],
  ["works", "well", {
    of: [...WORKS, "data_unanswered 3"],
    peer: { lastHandshakeUnixMs: 1 },
  }, "It works."],
  ["works", "well", {
    of: [WORKS[0]],
    peer: { lastHandshakeUnixMs: 1 },
  }, "no packet has come yet"],
  ...([
    ["warning", 7, ""],
    ["broken", 16, ""],
    ["broken", 16, "handshake_initiation_sent 1 1"],
  ] as const).map(([level, silent, more]) =>
    [
      "nat-closed",
      level,
      {
        of: [
          `handshake_completed 60 1 - responder`,
          `endpoint_learned 60 1 ${ENDPOINT}`,
          "received 45",
          `data_unanswered ${silent}`,
          ...(more === "" ? [] : [more]),
        ],
        strangers: [`udp_icmp_errors 1 9 ${ENDPOINT} port-unreachable 10.0.0.2 0`],
      },
      "port is refused",
      "wgpka 25",
    ] as const
  ),
  // It may have come back to the endpoint that was configured.
  [
    "nat-closed",
    "broken",
    {
      of: [
        WORKS[0],
        "received 45",
        "data_unanswered 16",
        `endpoint_moved 45 2 ${ENDPOINT} 10.0.0.3:7`,
        `endpoint_alternated 45 1 ${ENDPOINT} 10.0.0.3:7`,
      ],
      strangers: [`udp_icmp_errors 1 9 ${ENDPOINT} port-unreachable 10.0.0.2 0`],
    },
    "wgpka 25",
    "no program listens",
    "has this wgport",
  ],
  ["port-refused", "broken", {
    of: [WORKS[0], "received 45", "data_unanswered 16"],
    strangers: [`udp_icmp_errors 1 9 ${ENDPOINT} port-unreachable 10.0.0.2 0`],
  }, "no program listens"],
  ["port-refused", "broken", {
    of: TRIED,
    strangers: [`udp_icmp_errors 1 9 ${ENDPOINT} port-unreachable 10.0.0.1 0`],
  }, "no program listens"],
  ["works", "well", { of: WORKS, peer: { lastHandshakeUnixMs: 1 } }, "20 seconds ago"],
  ["idle", "well", {
    of: ["handshake_completed 900 1 - initiator", "received 880"],
    peer: { lastHandshakeUnixMs: 1 },
  }],
  ["idle", "well", {}, ENDPOINT],
  ["idle", "well", { endpoint: "" }, "is to call first"],
  // A peer of another implementation, which keeps no evidence.
  ["no-answer", "broken", {
    peer: { txBytes: 148 * 3 },
    status: { features: [] },
  }, "444 bytes"],
  ["works", "well", { peer: { lastHandshakeUnixMs: Date.now() }, status: { features: [] } }],
];

/** What strangers can make an interface believe, with messages that they have seen or forge. */
const FORGED: readonly string[] = [
  `handshake_replayed 1 9 ${ENDPOINT} 60`,
  `handshake_too_often 1 9 ${ENDPOINT}`,
  `handshake_no_index 1 9 ${ENDPOINT}`,
  `handshake_initiation_forged 1 9 ${ENDPOINT}`,
  `handshake_response_forged 1 9 ${ENDPOINT}`,
  `handshake_initiation_accepted 1 9 ${ENDPOINT}`,
  `cookie_accepted 1 9 ${ENDPOINT}`,
  `cookie_forged 1 9 ${ENDPOINT}`,
];
const FORGED_STRANGERS: readonly string[] = [
  `handshake_mac1_wrong 1 9 ${ENDPOINT} initiation`,
  `handshake_rate_limited 1 9 ${ENDPOINT}`,
  `handshake_unknown_peer 1 9 ${ENDPOINT} THEIRS`,
  `udp_icmp_errors 1 9 ${ENDPOINT} port-unreachable 10.0.0.2 0`,
  `udp_icmp_errors 1 9 ${ENDPOINT} too-big 10.0.0.2 552`,
];

for (const [cause, level, given, ...words] of CASES) {
  Deno.test(`the verdict ${cause}: ${words.join(", ") || level}`, () => {
    const found = diagnose(factsOf(given));
    const { verdict } = found.peers[0];
    assert.equal(verdict.cause, cause, JSON.stringify(verdict));
    assert.equal(verdict.level, level);
    const text = formatDiagnosis(found, false);
    for (const word of words) assert.ok(text.includes(word), `${word}\n${text}`);
    if (level === "broken") assert.ok(verdict.next.length > 0, "it says what to do");
    assert.equal(isWell(found), level !== "broken");
  });
}

Deno.test("a success makes older evidence of failure void", () => {
  const done = "handshake_completed 1 1 - initiator";
  for (const [cause, level, given] of CASES) {
    if (level !== "broken" || given.status !== undefined) continue;
    if (given.of === undefined || given.of.some((line) => line.startsWith("handshake_completed"))) {
      continue;
    }
    const { verdict } = diagnose(factsOf({
      ...given,
      of: [done, "received 0", ...given.of],
      peer: { ...given.peer, lastHandshakeUnixMs: 1, endpoint: parseEndpoint(ENDPOINT) },
    })).peers[0];
    assert.notEqual(verdict.level, "broken", `${cause}: ${verdict.says}`);
  }
});

Deno.test("what strangers forge or replay does not outweigh a session that works", () => {
  const session = ["handshake_completed 150 1 - initiator", "received 20"];
  const trying = [`handshake_initiation_sent 3 1 ${ENDPOINT}`];
  for (const given of [...FORGED, ...FORGED_STRANGERS]) {
    const facts = FORGED.includes(given) ? { of: [given] } : { strangers: [given] };
    for (const more of [[], trying]) {
      const of = [...session, ...more, ...(facts.of ?? [])];
      assert.ok(isWell(diagnose(factsOf({ ...facts, of }))), `${given}, ${more}`);
    }
  }
  // What was refused is told all the same.
  const { verdict } = diagnose(factsOf({
    of: [...session, FORGED[0]],
    peer: { lastHandshakeUnixMs: 1 },
  })).peers[0];
  assert.equal(verdict.cause, "works");
  assert.match(verdict.evidence.join("\n"), /refused as replays: 9 times/);
  for (
    const silence of [
      [session[0], "received 31"],
      ["handshake_completed 181 1 - initiator", "received 1"],
      [...session, "data_unanswered 15"],
      [...session, `handshake_initiation_sent 6 1 ${ENDPOINT}`],
    ]
  ) {
    const { verdict } = diagnose(factsOf({ of: [...silence, FORGED[0]] })).peers[0];
    assert.equal(verdict.cause, "clock-behind", silence.join());
  }
});

Deno.test("a wrong key beside a peer that works behind the same NAT is the interface's", () => {
  const idle = ["handshake_completed 100 1 - initiator", "received 40"];
  const causes = (of: readonly string[], ...strangers: string[]) => {
    const peer = { lastHandshakeUnixMs: of.length === 0 ? 0 : 1 };
    const found = diagnose(factsOf({ of, strangers, peer }));
    return [...found.verdicts, found.peers[0].verdict].map(({ cause }) => cause);
  };
  const beside = "handshake_mac1_wrong 3 4 10.0.0.2:9 initiation";
  for (const  of of[WORKS, idle]) {
    assert.deepEqual(causes(of, beside), ["not-for-our-key", "works"]);
  }
  const older = ["handshake_completed 900 1 - initiator"];
  assert.deepEqual(causes(older, beside), ["not-for-our-key", "idle"]);
  // From the port of the peer itself, and before its last handshake, it tells nothing.
  assert.deepEqual(causes(idle, `handshake_mac1_wrong 3 4 ${ENDPOINT} initiation`), ["works"]);
  assert.deepEqual(causes(WORKS, "handshake_mac1_wrong 30 4 10.0.0.2:9 initiation"), ["works"]);
  // It is told once.
  assert.deepEqual(causes([], beside).filter((cause) => cause !== "idle"), ["our-key-wrong-there"]);
});

Deno.test("evidence that the configuration has overtaken makes no verdict", () => {
  const found = diagnose(factsOf({
    of: [...WORKS, `rx_unallowed_source 1 4 ${ENDPOINT} 192.168.5.2`],
    strangers: [
      "tx_no_peer 4 1 - 192.168.7.20",
      `handshake_unknown_peer 4 1 10.0.0.77:1 ${key(3).toBase64()}`,
    ],
  }));
  assert.deepEqual(found.verdicts, []);
  assert.equal(found.peers[0].verdict.level, "well");
  const trying = diagnose(factsOf({
    of: TRIED,
    strangers: [`handshake_unknown_peer 1 3 ${ENDPOINT} ${key(3).toBase64()}`],
  }));
  assert.equal(trying.peers[0].verdict.cause, "no-answer");
});

Deno.test("nothing is said of packets whose time another implementation does not tell", () => {
  const told = { peer: { lastHandshakeUnixMs: Date.now() }, status: { features: [] } };
  const text = formatDiagnosis(diagnose(factsOf(told)), false);
  assert.match(text, /handshake completed/);
  assert.doesNotMatch(text, /never|last packet/);
});

Deno.test("an interface of another implementation is down when the kernel says so", () => {
  const { link: _, ...status } = factsOf({ status: { features: [], up: false } }).status;
  for (const [isLinkUp, causes] of [[false, ["interface-down"]], [true, []]] as const) {
    const found = diagnose(factsOf({ facts: { status, isLinkUp } }));
    assert.deepEqual(found.verdicts.map(({ cause }) => cause), causes);
  }
  assert.deepEqual(diagnose(factsOf({ facts: { status } })).verdicts, []);
});

Deno.test("what stops the interface is the verdict for each peer, and told once", () => {
  for (
    const [cause, status] of [
      ["interface-down", { link: { ...LINK, flags: 0 }, up: false }],
      ["no-private-key", { publicKey: undefined }],
    ] as const
  ) {
    const found = diagnose(factsOf({ of: TRIED, status }));
    assert.deepEqual(found.verdicts.map((one) => one.cause), [cause]);
    assert.deepEqual(found.peers.map(({ verdict }) => verdict.cause), [cause, cause]);
    assert.equal(formatDiagnosis(found, false).split(found.verdicts[0].says).length, 2);
    assert.equal(isWell(found), false);
  }
});

Deno.test("strangers and destinations of nobody are the interface's verdicts, and no faults", () => {
  const found = diagnose(factsOf({
    strangers: [
      "handshake_unknown_peer 9 2 10.0.0.77:1 KEY",
      "handshake_mac1_wrong 9 2 10.0.0.78:1 response",
      "tx_no_peer 4 1 - 192.168.5.99",
      "tx_no_peer 4 1 - 224.0.0.251",
      "tx_no_peer 900 1 - 192.168.5.98",
    ],
  }));
  assert.deepEqual(found.verdicts.map(({ cause }) => cause), [
    "stranger",
    "not-for-our-key",
    "destination-of-no-peer",
  ]);
  assert.ok(isWell(found));
  const text = formatDiagnosis(found, false);
  for (const word of ["KEY", "10.0.0.78:1", "192.168.5.99"]) assert.ok(text.includes(word), word);
});

Deno.test("text has no control characters of others, and JSON has every verdict", () => {
  const found = diagnose(factsOf({ peer: { description: "a\x1b[2Jb" }, of: TRIED }));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(formatDiagnosis(found, false), /[\x00-\x09\x0b-\x1f]/);
  assert.ok(formatDiagnosis(found, true).includes("\x1b[31mNothing comes back"));
  const json = JSON.parse(JSON.stringify(diagnosisJson(found)));
  assert.equal(json.peers[key(2).toBase64()].cause, "no-answer");
  assert.equal(json.peers[key(3).toBase64()].level, "well");
});

Deno.test("the words of why", () => {
  assert.deepEqual(parseWhy([]), { name: undefined, peer: undefined, json: false });
  assert.deepEqual(parseWhy(["wg1", "--json", "office"]), {
    name: "wg1",
    peer: "office",
    json: true,
  });
  for (const words of [["-x"], ["wg1", "a", "b"]]) {
    assert.throws(() => parseWhy(words), ConfigError);
  }
});
