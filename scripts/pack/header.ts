/**
 * The POSIX sh program at the head of a packed ./wg: it finds the unpacked program or unpacks it, and becomes it.
 *
 * The quick way, after the first run, starts one small process (ls) and execs. Unpacking happens in a folder of its own that is renamed when all is there,
 * so that it may be interrupted and done by several at once. Folders that belong to somebody else, or that others may write to, are not used.
 * @module
 */
import {
  PACKED_ENVIRONMENT,
  PACKED_FLAGS,
  PACKED_HOME,
  PACKED_MAIN,
  VERSION,
} from "../../lib/daemon/self.ts";

/** What the header has to know of the payload behind it. */
export interface Payload {
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  /** What `uname -m` must say. */
  readonly machine: string;
}

/** Variables by which a user's environment would change how Deno, V8 or Node's modules behave. */
const UNSET = [
  "DENO_AUDIT_PERMISSIONS",
  "DENO_AUTH_TOKENS",
  "DENO_CACHE_DB_MODE",
  "DENO_CERT",
  "DENO_COMPAT",
  "DENO_CONDITIONS",
  "DENO_COVERAGE_DIR",
  "DENO_EMIT_CACHE_MODE",
  "DENO_JOBS",
  "DENO_LOG",
  "DENO_NO_PACKAGE_JSON",
  "DENO_NODE_TRACE_EVENT_CATEGORIES",
  "DENO_PERMISSION_BROKER_PATH",
  "DENO_SERVE_ADDRESS",
  "DENO_TLS_CA_STORE",
  "DENO_TRACE_PERMISSIONS",
  "DENO_UNSTABLE_CONTROL_SOCK",
  "DENO_USE_CGROUPS",
  "DENO_V8_FLAGS",
  "NODE_CHANNEL_FD",
  "NODE_DEBUG",
  "NODE_EXTRA_CA_CERTS",
  "NODE_OPTIONS",
  "NODE_V8_COVERAGE",
  "OTEL_DENO",
  "RUST_BACKTRACE",
  "RUST_LOG",
  "RUST_MIN_STACK",
  "TOKIO_WORKER_THREADS",
];

/** A folder of the cache that is older than this, and that no process runs from, is removed when a newer one is unpacked. It holds 100 MB. */
const KEEP_MINUTES = 60;

/** The header; the payload follows its last newline. */
export function packedHeader(payload: Payload): string {
  const settings = Object.entries(PACKED_ENVIRONMENT).map(([name, value]) => `${name}=${value}`)
    .join(" ");
  const text = (offset: number) =>
    String.raw`#!/bin/sh
# wg ${VERSION}: WireGuard with OpenBSD's words. This file holds the program and its runtime, packed; see README.md of its source.
id=${payload.sha256.slice(0, 32)}
why=
me=${"$"}{0##*/}
# The runtime does not start in a folder that was removed.
[ -d "$PWD" ] || [ -n "$(pwd -P 2>/dev/null)" ] || cd /
run() {
  unset ${UNSET.join(" ")}
  # The runtime reads ~/.npmrc and ends when that is broken; the program gives its user's home back (lib/daemon/self.ts).
  if [ "${"$"}{HOME+set}" ]; then export ${PACKED_HOME}="$HOME"; else unset ${PACKED_HOME}; fi
  export HOME="$1/$id/cache" DENO_DIR="$1/$id/cache" ${settings}
  name=$0
  shift
  exec "$dir/$id/deno" ${PACKED_FLAGS.join(" ")} "$dir/$id/${PACKED_MAIN}" "$name" "$@"
}
# Ours, no link, and closed to others' writing.
ours() {
  [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ] || return 1
  case $(LC_ALL=C ls -ldn "$1") in
    d????-??-?*) return 0 ;;
  esac
  return 1
}
# Unpacked before, when nobody else could write there. What is not ours by now is not used; asking ls for the mode would cost a process at every start.
unpacked() {
  [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ] && [ -O "$2" ] && [ -O "$2/main.js" ] && [ -O "$2/deno" ] && [ -s "$2/deno" ]
}
unpack() {
  umask 077
  case $(uname -m) in
    ${payload.machine}) ;;
    *) echo "$me: this file is for ${payload.machine}, the machine is $(uname -m)" >&2; exit 1 ;;
  esac
  # The folders above the system's one are everybody's.
  if [ "$dir" = "$system" ]; then umask 022; fi
  mkdir -p -m 700 "$dir" 2>/dev/null
  made=$?
  umask 077
  if [ $made -ne 0 ]; then why="$why
$me: $dir: cannot be made (no permission, a read-only or a full disk)"; return 1; fi
  if ! ours "$dir"; then why="$why
$me: $dir: belongs to somebody else, is a link, or others may write to it"; return 1; fi
  new=$(mktemp -d "$dir/.new.XXXXXXXX" 2>/dev/null) || { why="$why
$me: $dir: cannot be written to (a read-only or a full disk)"; return 1; }
  trap 'rm -rf "$new"; exit 1' HUP INT TERM
  sum=$(tail -c +${offset} "$0" | sha256sum) || sum=
  if [ "$sum" != "${payload.sha256}  -" ]; then
    rm -rf "$new"
    echo "$me: $0: the packed program is damaged (its SHA-256 is not what it should be)" >&2
    exit 1
  fi
  if ! said=$({ tail -c +${offset} "$0" | gzip -dc | tar -xf - -C "$new"; } 2>&1) || [ ! -s "$new/${PACKED_MAIN}" ]; then
    rm -rf "$new"
    why="$why
$me: $dir: unpacking failed (is the disk full? it takes 100 MB): $(printf %s "$said" | head -n 1)"
    return 1
  fi
  if [ ! -x "$new/deno" ]; then
    rm -rf "$new"
    why="$why
$me: $dir: programs cannot be run there (mounted noexec?)"
    return 1
  fi
  # Another process may have been faster: then its folder serves.
  mv -T "$new" "$dir/$id" 2>/dev/null || rm -rf "$new"
  trap - HUP INT TERM
  [ -s "$dir/$id/deno" ] || { why="$why
$me: $dir: unpacking failed"; return 1; }
  used=$(LC_ALL=C ls -l /proc/[0-9]*/exe 2>/dev/null)
  for old in "$dir"/[0-9a-f]*; do
    case $old in "$dir/$id") continue ;; esac
    case $used in *"$old/deno"*) continue ;; esac
    [ -n "$(find "$old" -maxdepth 0 -type d -mmin +${KEEP_MINUTES} 2>/dev/null)" ] && rm -rf "$old"
  done
  return 0
}
# Root's programs are not taken from a folder that a user's environment names, unless there is no other place.
if [ -O / ]; then set -- /var/cache/wg "$@"; else set -- "" "$@"; fi
system=$1
shift
for dir in "$system" "${"$"}{XDG_CACHE_HOME:-${"$"}{HOME:-}/.cache}/wg" "${"$"}{XDG_RUNTIME_DIR:-/run}/wg-program"; do
  case $dir in /*) ;; *) continue ;; esac
  if unpacked "$dir" "$dir/$id"; then run "$dir" "$@"; fi
done
for dir in "$system" "${"$"}{XDG_CACHE_HOME:-${"$"}{HOME:-}/.cache}/wg" "${"$"}{XDG_RUNTIME_DIR:-/run}/wg-program"; do
  case $dir in /*) ;; *) continue ;; esac
  if unpack; then run "$dir" "$@"; fi
done
echo "$me: there is no folder to unpack the program into:$why" >&2
exit 1
`;
  // The offset stands in the header it measures: its digits settle after a round or two.
  let header = text(10_000);
  for (let round = 0; round < 3; round++) {
    header = text(new TextEncoder().encode(header).length + 1);
  }
  return header;
}
