/** Enters and leaves an rdomain again and again with an interface; prints how often the rdomain had lost its name meanwhile. */
import { NetNamespace, rdomainOf, removeRdomainIfEmpty } from "../../lib/host/namespace.ts";
import { openTun } from "../../lib/net/open_tun.ts";
import { close } from "../../ffi/libc.ts";

const [rdomain, name, times] = Deno.args;
let lost = 0;
for (let i = 0; i < Number(times); i++) {
  const { fd, identity } = NetNamespace.occupy(Number(rdomain), (namespace) => ({
    fd: namespace.run(() => openTun(name).fd),
    identity: namespace.identity,
  }));
  if (rdomainOf(identity) !== Number(rdomain)) lost++;
  close(fd);
  removeRdomainIfEmpty(Number(rdomain));
}
console.log(lost);
