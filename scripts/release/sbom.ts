/**
 * The bill of materials of an executable: a CycloneDX 1.5 document with the packages that the
 * program imports and the runtime.
 * @module
 */
import { createHash } from "node:crypto";

/** A part of the executable. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** A package URL, as `pkg:npm/%40noble/curves@2.4.0`. */
  readonly purl: string;
  /** The licence by its SPDX name. */
  readonly licence: string;
  /** SHA-512 in hexadecimal, of the archive in the registry. */
  readonly sha512?: string;
}

/** What `deno info --json` says, as far as it is used. */
export interface ModuleGraph {
  readonly modules: readonly { readonly kind: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

/** The npm packages that modules of a graph import, with their dependencies, sorted by name. */
export function importedPackages(graph: ModuleGraph): readonly NpmPackage[] {
  const found = new Map<string, NpmPackage>();
  const add = (id: string) => {
    const one = graph.npmPackages[id];
    if (one === undefined || found.has(id)) return;
    found.set(id, one);
    one.dependencies.forEach(add);
  };
  for (const { npmPackage } of graph.modules) if (npmPackage !== undefined) add(npmPackage);
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The package URL of an npm package. */
export const npmUrl = (name: string, version: string): string =>
  `pkg:npm/${name.split("/").map(encodeURIComponent).join("/")}@${version}`;

/** The SHA-512 of a lock file's `integrity`, in hexadecimal; undefined if it is another kind. */
export function sha512Of(integrity: string): string | undefined {
  const [, base64] = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity) ?? [];
  return base64 === undefined ? undefined : Uint8Array.fromBase64(base64).toHex();
}

/**
 * The document. It depends on nothing but its arguments: the serial number is made from them.
 * @param executable the bytes of the program, for their hash
 * @param time the time of the release, seconds since 1970
 */
export function billOfMaterials(
  version: string,
  executable: Uint8Array,
  components: readonly Component[],
  time: number,
): string {
  const sha256 = createHash("sha256").update(executable).digest("hex");
  const listed = components.map(({ name, version, purl, licence, sha512 }) => ({
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    licenses: [{ license: { id: licence } }],
    ...(sha512 === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
  }));
  const main = `pkg:generic/wg@${version}`;
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${uuidOf(`${sha256} ${JSON.stringify(listed)}`)}`,
    version: 1,
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": main,
        name: "wg",
        version,
        purl: main,
        licenses: [{ license: { id: "ISC" } }],
        hashes: [{ alg: "SHA-256", content: sha256 }],
      },
    },
    components: listed,
    dependencies: [{ ref: main, dependsOn: components.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** A UUID of RFC 9562's version 8 made from the SHA-256 of a text. */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = bytes[6] & 0x0f | 0x80;
  bytes[8] = bytes[8] & 0x3f | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}
