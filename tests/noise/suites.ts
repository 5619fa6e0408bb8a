/**
 * The suites that this machine can run. The tests run on each of them.
 * @module
 */
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { Suite } from "../../lib/crypto/suite.ts";
import { chooseSuite } from "../../lib/runtime/crypto.ts";

/** @noble, and libcrypto where it is found and passes its self-test. */
export function allSuites(): Suite[] {
  const chosen = chooseSuite();
  return chosen.name === nobleSuite.name ? [nobleSuite] : [nobleSuite, chosen];
}
