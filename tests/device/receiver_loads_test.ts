/** Which data plane receives the next session of a peer. */
import assert from "node:assert/strict";
import { milliseconds, peerSlot } from "../../lib/base/brands.ts";
import { type ReceivedPeer, ReceiverLoads } from "../../lib/device/receiver_loads.ts";
import { trial } from "../random.ts";

const REKEY_MS = 120_000;
const at = milliseconds;

/** Peers that send so many bytes from one handshake to the next. */
class Crowd {
  readonly loads: ReceiverLoads;
  readonly peers: ReceivedPeer[];
  readonly received: number[];
  now = 1_000_000;

  constructor(readonly receivers: number, readonly sent: number[]) {
    this.loads = new ReceiverLoads(receivers, 5_000);
    this.received = sent.map(() => 0);
    this.peers = sent.map((_, i) => ({ slot: peerSlot(i), receiving: undefined }));
  }

  /** The next handshake of each peer, one after the other. Returns the receivers. */
  rekey(): number[] {
    this.now += REKEY_MS;
    return this.peers.map((peer, i) => {
      this.received[i] += this.sent[i];
      return this.loads.next(peer, this.received[i], at(this.now + i));
    });
  }

  /** What each receiver has to do. */
  shares(receivers: readonly number[]): number[] {
    const shares = new Array<number>(this.receivers).fill(0);
    for (const [i, receiver] of receivers.entries()) shares[receiver] += this.sent[i];
    return shares;
  }
}

Deno.test("two peers that send a lot meet in one data plane until one of them renews its session", () => {
  const crowd = new Crowd(2, [1e9, 1e3, 1e9, 1e3]);
  assert.deepEqual(crowd.rekey(), [0, 1, 0, 1], "nothing is known yet");
  crowd.rekey();
  const spread = crowd.rekey();
  assert.notEqual(spread[0], spread[2]);
  for (let i = 0; i < 10; i++) assert.deepEqual(crowd.rekey(), spread, "and they stay");
});

Deno.test("whatever peers send, none changes for ever, and no data plane could give up a peer", () => {
  trial((chance) => {
    for (const receivers of [2, 3, 4, 16]) {
      const peers = 1 + chance.int(40);
      const crowd = new Crowd(
        receivers,
        Array.from({ length: peers }, () => chance.int(10 ** (1 + chance.int(9)))),
      );
      for (let i = 0; i < 3 * peers; i++) crowd.rekey();
      const last = crowd.rekey();
      assert.deepEqual(crowd.rekey(), last);
      const shares = crowd.shares(last);
      const least = Math.min(...shares);
      for (const [i, receiver] of last.entries()) {
        assert.ok(least + crowd.sent[i] >= 0.79 * shares[receiver], `${shares}, ${crowd.sent[i]}`);
      }
    }
  });
});

Deno.test("a peer that is gone or has no session is no load, and a retry is no measurement", () => {
  const crowd = new Crowd(2, [5e8, 1e9, 1e9]);
  crowd.rekey();
  const spread = crowd.rekey();
  assert.deepEqual(crowd.shares(spread).sort(), [1e9, 1.5e9]);
  const [first, second, third] = crowd.peers;
  const mate = spread[0] === spread[1] ? second : third;
  const other = mate === second ? third : second;
  crowd.loads.forget(other);
  assert.equal(crowd.loads.next(mate, 1e12, at(crowd.now + 4_000)), spread[0], "too soon");
  crowd.sent[crowd.peers.indexOf(other)] = 0;
  const after = crowd.rekey();
  assert.notEqual(after[crowd.peers.indexOf(mate)], after[crowd.peers.indexOf(first)]);
});

Deno.test("a rate is the bytes of a millisecond since the last handshake, of 5 s or more", () => {
  const loads = new ReceiverLoads(2, 5_000);
  const peer: ReceivedPeer = { slot: peerSlot(3), receiving: undefined };
  const next = (bytes: number, now: number) => {
    assert.equal(loads.next(peer, bytes, at(now)), 1);
    return peer.receiving;
  };
  assert.deepEqual(next(700, 1_000), { receiver: 1, rate: 0, bytes: 700, at: 1_000 });
  assert.deepEqual(next(9_999, 5_999), { receiver: 1, rate: 0, bytes: 700, at: 1_000 });
  assert.deepEqual(next(10_700, 6_000), { receiver: 1, rate: 2, bytes: 10_700, at: 6_000 });
  assert.deepEqual(next(70_700, 26_000), { receiver: 1, rate: 3, bytes: 70_700, at: 26_000 });
  loads.forget(peer);
  assert.deepEqual(peer.receiving, { receiver: 1, rate: 0, bytes: 70_700, at: 26_000 });
});

Deno.test("a peer changes when the other data plane then has less than 4/5 of what its own has", () => {
  for (const [other, receiver] of [[699, 1], [700, 0]]) {
    const loads = new ReceiverLoads(2, 5_000);
    const rates: Readonly<Record<number, number>> = { 1: other, 0: 1_000, 2: 500 };
    const peers = [1, 0, 2].map((slot): ReceivedPeer => ({
      slot: peerSlot(slot),
      receiving: undefined,
    }));
    for (const peer of peers) loads.next(peer, 0, at(0));
    const received = peers.map((peer) => loads.next(peer, rates[peer.slot] * 10_000, at(10_000)));
    assert.deepEqual(received, [1, 0, receiver]);
  }
});

Deno.test("one data plane receives everything, and nothing is measured", () => {
  const crowd = new Crowd(1, [1, 2, 3]);
  assert.deepEqual(crowd.rekey(), [0, 0, 0]);
  assert.ok(crowd.peers.every(({ receiving }) => receiving === undefined));
});
