/** Makes the rdomain of its argument and prints the inode of the namespace. */
import { NetNamespace } from "../../lib/linux/namespace.ts";

using namespace = NetNamespace.rdomain(Number(Deno.args[0]), { create: true });
console.log(String(namespace.identity.inode));
