/** Makes the rdomain of its argument and prints the namespace's inode: one of several that do so at once. */
import { NetNamespace } from "../../lib/linux/namespace.ts";

using namespace = NetNamespace.rdomain(Number(Deno.args[0]), { create: true });
console.log(String(namespace.identity.inode));
