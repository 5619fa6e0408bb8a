/**
 * The POSIX sh program at the head of a packed ./wg: it finds the unpacked program or unpacks it,
 * and becomes it.
 *
 * A folder of the cache is used when nobody but root and this user can write into it or exchange
 * it. All the folders on its physical path are looked at, from the root downwards, before anything
 * in it is used: what is checked stays as it is, because nobody else can change it afterwards. The
 * start after the first run costs one process (ls) and one exec (env).
 *
 * Unpacking happens in a new folder that is renamed when all is there, so it may be interrupted and
 * done by several at once. The payload is copied there first: the bytes that are unpacked are the
 * bytes whose SHA-256 was checked.
 * @module
 */
import {
  PACKED_MAIN,
  PACKED_WORKER,
  prepareRuntime,
  SHELL_PREAMBLE,
  startRuntime,
} from "../../lib/daemon/packed.ts";
import { VERSION } from "../../lib/daemon/program.ts";

/** What the header has to know of the payload behind it. */
export interface Payload {
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
  /** What `uname -m` must say. */
  readonly machine: string;
  /** How many files named *.js are in the payload, those in folders not counted. */
  readonly modules: number;
}

/** Where the program is unpacked, if not in its user's cache. */
export interface Places {
  /** Root's only folder. The folders above it are made when they are missing. */
  readonly system: string;
  /** A folder that everybody may write to, with the sticky bit: for those without another place. */
  readonly shared: string;
}

const PLACES: Places = { system: "/var/cache/wg", shared: "/tmp" };
/** The name of private folders in the shared one; eight random characters follow. */
const PRIVATE_NAME = "wg-program";
/** How many such names are looked at, whoever made them. */
const PRIVATE_MAX = 1000;
/**
 * A version that was not started for so long, and that no process runs from, is removed when
 * another one is unpacked. It holds 100 MB. Processes of other containers that share the folder are
 * not seen, and load modules later.
 */
const KEEP_MINUTES = 24 * 60;
/** What an unpacking that was killed left is removed after so long. It may hold as much. */
const REMAINS_MINUTES = 60;
/** The file in a version's folder whose time is that of the last start. */
const STARTED = ".started";
/**
 * In a user namespace root's folders may belong to an owner without a number. These are root's
 * anyway.
 */
const ROOTS_FOLDERS = ["/", "/home", "/run", "/run/user", "/tmp", "/var", "/var/cache", "/var/tmp"];

/** The header; the payload follows its last newline. `places` is for tests. */
export function packedHeader(payload: Payload, places: Places = PLACES): string {
  const text = (offset: number) =>
    String.raw`#!/bin/sh
# wg ${VERSION}: WireGuard with OpenBSD's words. This file holds the program and its runtime, packed; see README.md of its source.
${SHELL_PREAMBLE}
id=${payload.sha256.slice(0, 32)}
system=${places.system}
shared=${places.shared}/${PRIVATE_NAME}
why=
me=${"$"}{0##*/}
clean() {
  env -i PATH="$PATH" LC_ALL=C "$@"
}
# The owner that stands for everybody who has no number in this user namespace.
# Shells read byte by byte, and this file gives no more than one.
unmapped=
if read -r first second rest </proc/self/uid_map && [ "$rest" != 4294967295 ]; then
  unmapped=$(clean cat /proc/sys/kernel/overflowuid)
fi 2>/dev/null

refuse() {
  why="$why$newline$me: $1: $2"
  return 1
}
# Whether what lies at path $at, as ls shows it in $line, is what $1 requires of it:
# above: root's or this user's folder, whose names others cannot exchange; folder: this user's alone;
# d or -: this user's folder or file, which others cannot write to.
trusted() {
  set -f
  set -- "$1" $line
  set +f
  mode=$2 owner=$4
  if [ -O "$at" ] && [ "$owner" != "$unmapped" ]; then mine=yes; else mine=; fi
  case $1 in
    above)
      case $mode in d*) ;; *) refuse "$at" "is not a folder"; return 1 ;; esac
      if [ ! "$mine" ] && [ "$owner" != 0 ]; then
        case $owner:$at in
          ${ROOTS_FOLDERS.map((folder) => `"$unmapped:${folder}"`).join(" | ")}) ;;
          *) refuse "$at" "belongs to another user, who could exchange what is in it"; return 1 ;;
        esac
      fi
      case $mode in
        d????-??-?* | d????????[tT]*) return 0 ;;
      esac
      refuse "$at" "others may write there"
      ;;
    folder)
      [ "$mine" ] || { refuse "$at" "belongs to another user"; return 1; }
      case $mode in d???--[-S]---*) return 0 ;; esac
      refuse "$at" "others may use it; its mode is to be 0700"
      ;;
    *)
      [ "$mine" ] || { refuse "$at" "belongs to another user"; return 1; }
      case $mode in "$1"????-??-?*) return 0 ;; esac
      refuse "$at" "is a link, or others may write to it"
      ;;
  esac
}
# Looks at folder $1 and all above it, and sets $real to its physical path. $2 is what it is for:
# above: a folder may be made in it; folder: to be written to; program: to run what is in it.
look() {
  real=
  listing=$(
    cd -P "$1" || exit 1
    case $PWD in *=* | *"$newline"*) exit 1 ;; esac
    what=$2
    rest=${"$"}{PWD#/} path=
    set -- /
    while [ "$rest" ]; do
      path=$path/${"$"}{rest%%/*}
      case $rest in */*) rest=${"$"}{rest#*/} ;; *) rest= ;; esac
      set -- "$@" "$path"
    done
    if [ "$what" = program ]; then set -- "$@" "$path/$id" "$path/$id/deno" "$path/$id/${PACKED_MAIN}"; fi
    printf '%s\n' "${"$"}{path:-/}"
    # Variables like TIME_STYLE could add lines to what ls tells.
    exec env -i PATH="$PATH" LC_ALL=C ls -ldn "$@"
  ) 2>/dev/null || { refuse "$1" "cannot be entered, or its path holds a = or a line feed"; return 1; }
  what=$2
  IFS=$newline
  set -f
  set -- $listing
  set +f
  IFS=" 	$newline"
  real=$1 at=/ rest=${"$"}{1#/}
  shift
  for line; do
    case $at in
      "$real/$id") kind=d ;;
      "$real/$id"/*) kind=- ;;
      "$real") if [ "$what" = above ]; then kind=above; else kind=folder; fi ;;
      *) kind=above ;;
    esac
    trusted "$kind" || return 1
    case $at in
      "$real") at=$real/$id ;;
      "$real/$id") at=$real/$id/deno ;;
      "$real/$id/deno") at=$real/$id/${PACKED_MAIN} ;;
      *)
        at=${"$"}{at%/}/${"$"}{rest%%/*}
        case $rest in */*) rest=${"$"}{rest#*/} ;; *) rest= ;; esac
        ;;
    esac
  done
  return 0
}
own_folder() {
  [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ]
}
# Whether the program is in folder $1, whole, and nobody else could have written it.
unpacked() {
  own_folder "$1" && [ -s "$1/$id/deno" ] && [ -s "$1/$id/${PACKED_WORKER}" ] || return 1
  base=$1
  set -- "$1/$id"/*.js
  [ $# -eq ${payload.modules} ] && look "$base" program
}
start() {
  dir=$real/$id
  { true >"$dir/${STARTED}"; } 2>/dev/null
${indented(startRuntime("$dir", '"$0"'))}
}
# Whether a process runs from folder $1.
used() {
  for exe in /proc/[0-9]*/exe; do
    if [ "$exe" -ef "$1/deno" ]; then return 0; fi
  done
  return 1
}
# Whether nothing was unpacked in private folder $1, or started from it, for $2 minutes.
old() {
  minutes=$2
  own_folder "$1" || return 1
  set -- "$1" "$1/${STARTED}"
  if [ ! -e "$2" ]; then set -- "$1" "$1"; fi
  [ -n "$(clean find "$2" -prune -mmin +$minutes 2>/dev/null)" ]
}
# Removes from private folder $1 other versions, and what an unpacking that was killed left there.
sweep() {
  for found in "$1"/* "$1"/.new.*; do
    name=${"$"}{found##*/} keep=${KEEP_MINUTES}
    case $name in
      "$id") continue ;;
      .new.????????) case ${"$"}{name#.new.} in *[!0-9A-Za-z]*) continue ;; esac; keep=${REMAINS_MINUTES} ;;
      *[!0123456789abcdef]*) continue ;;
      ${"?".repeat(32)}) ;;
      *) continue ;;
    esac
    if old "$found" $keep && ! used "$found"; then clean rm -rf "$found"; fi
  done
}
# A folder that unpack is to make, or has to be able to write to. Sets $real.
folder_for() {
  parent=$1
  while [ ! -e "$parent" ] && [ ! -h "$parent" ]; do
    parent=${"$"}{parent%/*}
    [ "$parent" ] || parent=/
  done
  if [ "$parent" != "$1" ]; then
    [ -d "$parent" ] || { refuse "$parent" "is not a folder"; return 1; }
    look "$parent" above || return 1
    # The folders above the system's one are everybody's.
    if [ "$1" = "$system" ]; then umask 022; fi
    clean mkdir -p -m 700 "$1" 2>/dev/null
    made=$?
    umask 077
    [ $made -eq 0 ] || [ -d "$1" ] || {
      refuse "$1" "cannot be made (no permission, a read-only or a full disk)"; return 1; }
  fi
  if [ -h "$1" ] || [ ! -d "$1" ]; then refuse "$1" "is a link, or no folder"; return 1; fi
  look "$1" folder
}
unpack() {
  folder_for "$1" || return 1
  new=$(clean mktemp -d "$real/.new.XXXXXXXX" 2>/dev/null) || {
    refuse "$real" "cannot be written to (a read-only or a full disk)"; return 1; }
  trap 'clean rm -rf "$new"; exit 1' HUP INT TERM
  fill "$new"
  filled=$?
  [ $filled -eq 0 ] || clean rm -rf "$new"
  trap - HUP INT TERM
  if [ $filled -eq 2 ]; then
    case $1 in "$shared".*) clean rmdir "$1" ;; esac
    exit 1
  fi
  [ $filled -eq 0 ] || return 1
  into=$real
  if [ -e "$into/$id" ] || [ -h "$into/$id" ]; then
    # Another process was faster, or pieces are missing.
    if unpacked "$into"; then clean rm -rf "$new"; return 0; fi
    broken=$(clean mktemp -d "$into/.new.XXXXXXXX") && clean mv "$into/$id" "$broken/" && clean rm -rf "$broken"
    if [ -d "$into/$id" ] && ! own_folder "$into/$id"; then clean rm -rf "$new" "$broken"; return 1; fi
  fi 2>/dev/null
  # Where another process is faster now, mv moves the new folder into its one.
  clean mv "$new" "$into/$id" 2>/dev/null
  clean rm -rf "$new" "$into/$id/${"$"}{new##*/}"
  unpacked "$into" || { refuse "$into" "unpacking failed"; return 1; }
  prepare "$real/$id"
  sweep "$real"
  for other in "$shared".*; do
    if [ "$other" != "$real" ] && old "$other" ${KEEP_MINUTES} && look "$other" folder; then
      sweep "$real"
      clean rmdir "$real"
    fi
  done 2>/dev/null
  unpacked "$into"
}
# Has the runtime put its compiled code of an interface's process into its cache. That process may
# not write there. Without it, everything is the same but slower.
prepare() {
  clean ${prepareRuntime("$1")} </dev/null >/dev/null 2>&1 || :
}
# Unpacks into the empty private folder $1. The status is 2 when no other folder would do better.
fill() {
  said=$({ clean tail -c +${offset} <"$0" >"$1/.packed"; } 2>&1) || { short "$said"; return 1; }
  sum=$(clean sha256sum <"$1/.packed")
  if [ "${"$"}{sum%% *}" != ${payload.sha256} ]; then
    printf '%s\n' "$me: $0: the packed program is damaged (its SHA-256 is not what it should be)" >&2
    return 2
  fi
  said=$({ clean gzip -dc <"$1/.packed" | clean tar -xof - -C "$1"; } 2>&1) && [ -s "$1/${PACKED_MAIN}" ] || {
    short "$said"; return 1; }
  clean rm -f "$1/.packed"
  said=$(clean "$1/deno" --version 2>&1) || {
    refuse "$real" "the runtime cannot be run there (mounted noexec?): $(printf %s "$said" | clean head -n 1)"; return 1; }
}
short() {
  refuse "$real" "unpacking failed (is the disk full? it takes 150 MB): $(printf %s "$1" | clean head -n 1)"
}

# Root's programs are not taken from a folder that a user's environment names.
if [ -O / ]; then
  first=$system second=
else
  first=${"$"}{XDG_CACHE_HOME:-${"$"}{HOME:+$HOME/.cache}} second=${"$"}{XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/wg-program}
  first=${"$"}{first:+$first/wg}
fi
count=0
for place in "$first" "$second" "$shared".????????; do
  count=$((count + 1))
  [ $count -le ${PRIVATE_MAX} ] || break
  case $place in /*) ;; *) continue ;; esac
  if unpacked "$place"; then start "$@"; fi
done
umask_was=$(umask)
umask 077
why=
machine=$(clean uname -m)
if [ "$machine" != ${payload.machine} ]; then
  printf '%s\n' "$me: this file is for ${payload.machine}, the machine is $machine" >&2
  exit 1
fi
count=0
for place in "$first" "$second" "$shared".????????; do
  count=$((count + 1))
  [ $count -le ${PRIVATE_MAX} ] || break
  case $place in /*) ;; *) continue ;; esac
  case $place in "$shared".*) own_folder "$place" || continue ;; esac
  if unpack "$place"; then umask "$umask_was"; start "$@"; fi
done
if place=$(clean mktemp -d "$shared.XXXXXXXX" 2>/dev/null); then
  if unpack "$place"; then umask "$umask_was"; start "$@"; fi
  clean rmdir "$place"
else
  refuse "${places.shared}" "no folder can be made there (no permission, a read-only or a full disk)"
fi
printf '%s\n' "$me: there is no folder to unpack the program into:$why" >&2
exit 1
`;
  // The offset stands in the header it measures: its digits settle after a round or two.
  let header = text(10_000);
  for (let round = 0; round < 3; round++) {
    header = text(new TextEncoder().encode(header).length + 1);
  }
  return header;
}

const indented = (text: string) => text.replaceAll(/^(?=.)/gm, "  ");
