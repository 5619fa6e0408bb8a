/**
 * Debian packages that would change this machine if they were installed. They are downloaded and
 * unpacked into a folder of the project's, and tests lay that over /usr and /etc of a room.
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Room } from "./netlab.ts";

const FOLDER = fileURLToPath(import.meta.resolve("../build/packages"));

/** The packages. */
export const UNPACKED = ["openresolv", "prometheus", "resolvconf", "systemd-resolved"] as const;
export type UnpackedPackage = typeof UNPACKED[number];

const folderOf = (name: UnpackedPackage): string => `${FOLDER}/${name}`;

/** The folder of a package, with `usr` and `etc` in it; undefined if it is not there. */
export function unpackedFolder(name: UnpackedPackage): string | undefined {
  try {
    return Deno.statSync(`${folderOf(name)}/usr`).isDirectory ? folderOf(name) : undefined;
  } catch {
    return undefined;
  }
}

/** Moves what older packages have in /bin, /sbin and /lib to /usr, where those are links today. */
const UNPACK = `
set -e
rm -rf "$2.new" && mkdir -p "$2.new/root/usr" "$2.new/root/etc" && cd "$2.new"
apt-get -qq download "$1" && dpkg -x ./*.deb root
for folder in bin sbin lib; do
  if [ -d root/$folder ]; then mkdir -p root/usr/$folder; cp -a root/$folder/. root/usr/$folder/; fi
done
rm -rf "$2" && mv root "$2" && rm -rf "$2.new"
`;

/** Downloads and unpacks a package. @returns the reason if that fails */
export async function unpack(name: UnpackedPackage): Promise<string | undefined> {
  const folder = folderOf(name);
  try {
    Deno.mkdirSync(FOLDER, { recursive: true });
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", UNPACK, "sh", name, folder],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    return success ? undefined : said ?? "failed";
  } catch (error) {
    return String(error);
  }
}

/**
 * Lays packages over /usr and /etc of a room. Only this room sees them, and what it writes to its
 * /etc.
 */
export async function layOver(room: Room, ...names: UnpackedPackage[]): Promise<void> {
  const folders = names.map((name) => {
    const folder = unpackedFolder(name);
    if (folder === undefined) throw new Error(`${name} is not unpacked`);
    return folder;
  });
  const lower = (part: string) => [...folders, ""].map((folder) => `${folder}/${part}`).join(":");
  const script = `
    mkdir -p /run/over/etc /run/over/work
    if [ "$1" != /usr ]; then mount -t overlay overlay -o "lowerdir=$1" /usr; fi
    mount -t overlay overlay -o "lowerdir=$2,upperdir=/run/over/etc,workdir=/run/over/work" /etc
  `;
  await room.output(["sh", "-ec", script, "sh", lower("usr"), lower("etc")]);
}
