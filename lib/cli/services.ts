/**
 * The ports of services by name.
 * @module
 */

/** Services by their names and aliases, of UDP. */
let ports: ReadonlyMap<string, number> | undefined;

/** The UDP port of a service, such as `domain`, from /etc/services; undefined if unknown. */
export function servicePort(name: string): number | undefined {
  return (ports ??= readServices()).get(name);
}

function readServices(): Map<string, number> {
  const found = new Map<string, number>();
  let text = "";
  try {
    text = Deno.readTextFileSync("/etc/services");
  } catch {
    // Without the file no service has a name, as for getaddrinfo(3).
  }
  for (const line of text.split("\n")) {
    const [name, port, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const number = /^([0-9]{1,5})\/udp$/.exec(port ?? "");
    if (number === null) continue;
    for (const one of [name, ...aliases]) {
      if (!found.has(one)) found.set(one, Number(number[1]));
    }
  }
  return found;
}
