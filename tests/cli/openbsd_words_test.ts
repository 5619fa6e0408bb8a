/**
 * The tables of words against OpenBSD's.
 *
 * The facts are the rows of cmds[] in OpenBSD's sbin/ifconfig/ifconfig.c, revision 1.476 of
 * 2025-03-22 (after the release 7.6), with the number of arguments each takes, and `create` and
 * `rule`, which its main() handles.
 * @module
 */
import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseWords, passOverHarmless } from "../../lib/cli/ifconfig/words/parse.ts";
import { findRefused, findWord } from "../../lib/cli/ifconfig/words/table.ts";
import { REFUSED_WORDS } from "../../lib/cli/ifconfig/words/refused.ts";
import { words } from "./sources.ts";

/** Words without an argument: flags, and those whose parameter is a number of the table. */
const NO_ARGUMENT = words(
  "create up down arp -arp debug -debug alias -alias delete -nwid -joinlist -bssid -nwkey wpa " +
    "-wpa -wpakey -chan -vnetid -parent -vlan -vlandev autoconf -autoconf anycast -anycast " +
    "tentative -tentative eui64 temporary -temporary soii -soii monitor -monitor tcplro -tcplro " +
    "-powersave -rtlabel -rdomain staticarp -staticarp mpls -mpls -mplslabel pwecw -pwecw pwefat " +
    "-pwefat -pweneighbor -carppeer -syncdev -syncif -syncpeer defer -defer -tunnel -tunneldomain " +
    "tunneldf -tunneldf tunnelecn -tunnelecn vnetflowid -vnetflowid -pppoesvc -pppoeac -flowsrc " +
    "-flowdst -inet -inet6 -keepalive flush flushall addr rule -description -descr wol -wol -apn " +
    "roaming -roaming -patch sffdump -wgpsk -wgdescription -wgdescr -wgpeerall destroy link0 " +
    "-link0 link1 -link1 link2 -link2 -mode",
);
/** NEXTARG */
const ONE_ARGUMENT = words(
  "netmask mtu nwid join -join bssid nwkey wpaakms wpaciphers wpagroupcipher wpaprotos wpakey " +
    "broadcast prefixlen vnetid parent vlan vlandev group -group trunkport -trunkport trunkproto " +
    "lacpmode lacptimeout pltime vltime metric priority rtlabel rdomain mplslabel advbase advskew " +
    "carppeer pass vhid state carpdev carpnodes balancing syncdev syncif syncpeer maxupd " +
    "tunneladdr tunneldomain tunnelttl txprio rxprio pppoedev pppoesvc pppoeac authproto authname " +
    "authkey peerproto peername peerkey peerflag -peerflag nwflag -nwflag flowsrc flowdst " +
    "pflowproto add del addspan delspan discover -discover blocknonip -blocknonip learn -learn " +
    "stp -stp edge -edge autoedge -autoedge -protected ptp -ptp autoptp -autoptp -endpoint " +
    "deladdr maxaddr hellotime fwddelay maxage proto -ifcost timeout holdcnt spanpriority ipdst " +
    "rules rulefile flushrule description descr pin apn patch addlocal wgpeer wgdescription " +
    "wgdescr wgaip wgpsk wgpka wgport wgkey wgrtable -wgpeer mediaopt -mediaopt mode instance " +
    "inst lladdr llprio",
);
/** NEXTARG2 */
const TWO_ARGUMENTS = words(
  "pweneighbor tunnel keepalive protected static endpoint ifpriority ifcost chgpin puk wgendpoint",
);
/** NEXTARG0: the argument may be left out. */
const OPTIONAL_ARGUMENT = words(
  "joinlist chan scan hwfeatures powersave class transceiver sff media",
);

/** `rule` takes the rest of the line, and `hwfeatures` is for showing here. */
const OTHER_OPERANDS_HERE = new Set(["rule", "hwfeatures"]);

Deno.test("every word of OpenBSD's ifconfig is either known or refused by name, with as many operands", () => {
  const groups = [[NO_ARGUMENT, 0], [ONE_ARGUMENT, 1], [TWO_ARGUMENTS, 2], [
    OPTIONAL_ARGUMENT,
    1,
  ]] as const;
  assert.equal(
    new Set(groups.flatMap(([names]) => names)).size,
    groups.reduce((sum, [names]) => sum + names.length, 0),
  );
  for (const [names, count] of groups) {
    for (const name of names) {
      const operands = findWord(name)?.operands ?? findRefused(name)?.operands;
      assert.notEqual(operands, undefined, `${name} is neither a word nor refused`);
      if (OTHER_OPERANDS_HERE.has(name)) continue;
      assert.equal(operands!.length, count, name);
      assert.equal(
        operands!.some((operand) => operand.startsWith("[")),
        names === OPTIONAL_ARGUMENT,
        name,
      );
    }
  }
});

Deno.test("a harmless word has no operand that may be left out, so that it is known where the next word begins", () => {
  const harmless = REFUSED_WORDS.filter((word) => word.harmless);
  assert.ok(harmless.length > 20);
  for (const { name, operands } of harmless) {
    assert.ok(operands.every((operand) => !operand.startsWith("[")), name);
  }
  for (const name of words("llprio rtlabel -rtlabel link0 -link2 monitor staticarp -autoconf")) {
    assert.equal(findRefused(name)?.harmless, true, name);
  }
  for (
    const name of words("autoconf dhcp media lladdr mpls vnetid tunnel pltime hwfeatures -wgkey")
  ) {
    assert.equal(findRefused(name)?.harmless, false, name);
  }
});

Deno.test("harmless words are passed over where they stand as words, and nowhere else", () => {
  const passed = (line: string) => {
    const result = passOverHarmless(words(line));
    return [result.words.join(" "), result.passedOver.map((word) => word.name).join(" ")];
  };
  assert.deepEqual(passed("wg1 up"), ["wg1 up", ""]);
  assert.deepEqual(passed("wg1 llprio 3 up link0 rtlabel office"), [
    "wg1 up",
    "llprio link0 rtlabel",
  ]);
  assert.deepEqual(passed("wg1 description monitor monitor"), [
    "wg1 description monitor",
    "monitor",
  ]);
  assert.deepEqual(passed("wg1 wgpeer K wgendpoint link0 1 -link0"), [
    words("wg1 wgpeer K wgendpoint link0 1").join(" "),
    "-link0",
  ]);
  assert.deepEqual(passed("wg1 vlan 5 monitor"), ["wg1 vlan 5", "monitor"]);
  assert.deepEqual(passed("wg1 llprio"), ["wg1", "llprio"]);
  assert.deepEqual(passed("monitor up"), ["monitor up", ""]);
  assert.throws(
    () => parseWords(words("wg1 monitor")),
    (error) => error instanceof ConfigError && error.word === "monitor",
  );
});
