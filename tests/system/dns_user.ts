/** Calls lib/linux/dns for a test in a room: `set NAME SERVERS SEARCH`, `unset NAME`, `has ...`. */
import { dnsWayText, hasDns, setDns, unsetDns } from "../../lib/linux/dns/dns.ts";

const [verb, name, servers = "", search = ""] = Deno.args;
const words = (list: string) => list.split(",").filter((word) => word !== "");
const settings = { servers: words(servers), search: words(search) };
try {
  if (verb === "set") console.log(dnsWayText(await setDns(name, settings)));
  else if (verb === "unset") await unsetDns(name);
  else console.log(await hasDns(name, settings));
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
