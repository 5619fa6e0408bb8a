/**
 * The scripts with which shells complete command lines.
 * @module
 */
import type { ConfigFiles, Operands } from "../commands.ts";
import type { Manual } from "../manual.ts";

/** The supported shells. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = typeof SHELLS[number];

/** Whether a shell of this name is supported. */
export const isShell = (name: string): name is Shell =>
  (SHELLS as readonly string[]).includes(name);

/** A command as a shell completes it. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** The name of a link to the executable that runs the command; undefined for none. */
  readonly link: string | undefined;
  /** The files whose names may follow the command; undefined for none. */
  readonly configFiles: ConfigFiles | undefined;
  /** What follows the command, if not interfaces and its words in any order. */
  readonly operands: Operands | undefined;
  /** The words of which the first one after the command is one; empty for none. */
  readonly subcommands: readonly string[];
  /** Whether a peer may follow some of its words. */
  readonly takesPeer: boolean;
  /** Words and options that may follow the command, besides the names of interfaces. */
  readonly words: readonly string[];
}

/** A literal word or option: letters, digits and signs without a meaning for shells. */
const TYPED = /^-{0,2}[A-Za-z0-9][A-Za-z0-9_.-]+$|^-[A-Za-z0-9]$/;

/** The literal words and options in a command's manual, each once and in their order. */
export function completionWords(manual: Manual): string[] {
  const literals = new Set(manual.literals);
  const found = new Set<string>();
  const synopses = [
    ...manual.usage,
    ...manual.lists.flatMap(({ rows }) => rows.map(([synopsis]) => synopsis)),
  ];
  for (const synopsis of synopses) {
    for (const word of synopsis.split(/[\s[\]|]+/)) {
      const isGroup = /^-[A-Za-z]{2,4}$/.test(word) && manual.usage.includes(synopsis) &&
        !literals.has(word);
      // `-aln` in a usage stands for `-a`, `-l` and `-n`.
      const words = isGroup ? [...word.slice(1)].map((letter) => `-${letter}`) : [word];
      for (const one of words) {
        if (TYPED.test(one) && (literals.has(one) || one.startsWith("-"))) found.add(one);
      }
    }
  }
  for (const word of manual.literals) if (TYPED.test(word)) found.add(word);
  return [...found];
}

/**
 * The script for a shell. It runs `wg show interfaces` for the names of interfaces, and `wg
 * completion peers` for those of peers.
 */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  switch (shell) {
    case "bash":
      return bash(commands);
    case "zsh":
      return zsh(commands);
    case "fish":
      return fish(commands);
  }
}

const namesOf = (commands: readonly CompletedCommand[]) =>
  commands.map(({ name }) => name).join(" ");
const linksOf = (commands: readonly CompletedCommand[]) =>
  commands.map(({ link }) => link).filter((link) => link !== undefined).join(" ");
/** The names by which a command is called, as a pattern of `case`. */
const patternOf = ({ name, link }: CompletedCommand) =>
  link === undefined || link === name ? name : `${name}|${link}`;

/** The commands that peers may follow, as a pattern of `case`. */
const patternOfPeers = (commands: readonly CompletedCommand[]) =>
  commands.filter(({ takesPeer }) => takesPeer).map(patternOf).join("|");

/** The commands that take a file after the interface, as a pattern of `case`. */
const patternOfFiles = (commands: readonly CompletedCommand[]) =>
  commands.filter(({ operands }) => operands === "file").map(patternOf).join("|");

/**
 * The branches of a `case` that set `offered` for each command, for bash and zsh. `at` is 1 for the
 * word after the command, and `interfaces` is emptied where no interface may be.
 */
function wordsByCommand(commands: readonly CompletedCommand[]): string {
  return commands.map((command) => {
    const { words, operands, configFiles, subcommands } = command;
    const files = configFiles === undefined ? "" : ` $(${listOf(configFiles)})`;
    const offered = `offered="${afterFirst(command).join(" ")}${files}"`;
    const branch = {
      words: `offered="${words.join(" ")}" interfaces=`,
      file: `[ "$at" -eq 1 ] || interfaces=`,
      subcommand: `if [ "$at" -eq 1 ]; then offered="${subcommands.join(" ")}" interfaces=; ` +
        `else ${offered}; fi`,
      any: offered,
    }[operands ?? "any"];
    return `    ${patternOf(command)}) ${branch} ;;\n`;
  }).join("");
}

/** The words behind the first one: those that are no subcommand, and options alone after one. */
const afterFirst = ({ operands, words }: CompletedCommand): readonly string[] =>
  operands === "subcommand" ? words.filter((word) => word.startsWith("-")) : words;

/**
 * The command line that lists the parts NAME of files, for a shell's `$( )`. Names of interfaces
 * have no characters that the shells would expand.
 */
function listOf({ folder, prefix, suffix }: ConfigFiles): string {
  const [before, after] = [prefix, suffix].map((text) => text.replaceAll(".", "[.]"));
  const name = "\\([A-Za-z0-9_=+.-]*\\)";
  return `ls ${folder} 2>/dev/null | sed -n "s/^${before}${name}${after}\\$/\\1/p"`;
}

function bash(commands: readonly CompletedCommand[]): string {
  // The words of peers are quoted as the user has begun to quote, and no shell expands them.
  return `# wg completion bash
_wg_words() {
  local offered= at=$2 interfaces=$(wg show interfaces 2>/dev/null)
  case $1 in
${wordsByCommand(commands)}  esac
  printf '%s ' $offered $interfaces
}
_wg_peers() {
  local current=$1 peer quote= typed
  shift
  case $current in
    [\\"\\']*) quote=\${current:0:1} typed=\${current:1} ;;
    *) typed=\${current//\\\\/} ;;
  esac
  while IFS= read -r peer; do
    [[ $peer == "$typed"* ]] || continue
    case $quote in
      \\")
        peer=\${peer//\\\\/\\\\\\\\} peer=\${peer//\\"/\\\\\\"}
        peer=\${peer//\\$/\\\\\\$} peer=\${peer//\\\`/\\\\\\\`}
        ;;
      \\') peer=\${peer//\\'/\\'\\\\\\'\\'} ;;
      *)
        printf -v peer %q "$peer"
        [[ $peer == \\$\\'* ]] || peer=\${peer//:/\\\\:} peer=\${peer//@/\\\\@}
        ;;
    esac
    COMPREPLY+=("$peer")
  done < <(printf '%s\\0' "$@" | wg completion peers 2>/dev/null)
}
_wg() {
  local current=\${COMP_WORDS[COMP_CWORD]} name=\${COMP_WORDS[0]##*/} at=$COMP_CWORD
  if [ "$name" = wg ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then
      COMPREPLY=($(compgen -W "${namesOf(commands)}" -- "$current"))
      return
    fi
    name=\${COMP_WORDS[1]} at=$((at - 1))
  fi
  COMPREPLY=($(compgen -W "$(_wg_words "$name" "$at")" -- "$current"))
  case $name in
    ${patternOfPeers(commands)}) _wg_peers "$current" "\${COMP_WORDS[@]:0:COMP_CWORD}" ;;
  esac
}
complete -o default -F _wg wg ${linksOf(commands)}
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ name, summary }) =>
    `    '${name}:${summary.replaceAll("'", "'\\''")}'\n`
  ).join("");
  return `#compdef wg ${linksOf(commands)}
# wg completion zsh
_wg() {
  local name=$service offered interfaces at=$(( CURRENT - 1 ))
  local -a commands peers
  commands=(
${described}  )
  if [[ $service == wg ]]; then
    if (( CURRENT == 2 )); then
      _describe command commands
      return
    fi
    name=$words[2] at=$(( CURRENT - 2 ))
  fi
  interfaces=$(wg show interfaces 2>/dev/null)
  case $name in
${wordsByCommand(commands)}  esac
  compadd -- \${=offered} \${=interfaces}
  case $name in
    ${patternOfFiles(commands)}) (( at < 2 )) || _files ;;
  esac
  case $name in
    ${patternOfPeers(commands)})
      peers=("\${(@f)$(printf '%s\\0' "\${(@Q)words[1,CURRENT-1]}" | wg completion peers 2>/dev/null)}")
      compadd -- \${peers:#}
      ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _wg "$@"; else compdef _wg wg ${
    linksOf(commands)
  }; fi
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  let text = `# wg completion fish
function __wg_peers
  printf '%s\\0' (commandline -opc) | wg completion peers 2>/dev/null
end
# Whether so many words are before the one that is completed.
function __wg_behind
  test (count (commandline -opc)) -eq $argv[1]
end
complete -c wg -f
`;
  for (const command of commands) {
    const { name, summary, link, operands, subcommands } = command;
    text += `complete -c wg -n __fish_use_subcommand -a ${name} -d '${
      summary.replaceAll("'", "\\'")
    }'\n`;
    const here = `__fish_seen_subcommand_from ${name}`;
    const offered = fishOffers(command);
    const add = (words: string, of: string, when: string) => {
      const condition = when === "" ? "" : ` -n '${when}'`;
      text += `complete -c ${of}${condition} ${words}\n`;
    };
    const places = [{ of: "wg", before: 2, when: here }];
    if (link !== undefined) places.push({ of: link, before: 1, when: "" });
    for (const { of, before, when } of places) {
      const also = when === "" ? "" : `${when}; and `;
      if (of !== "wg") add("-f", of, "");
      if (operands === "subcommand") {
        add(`-a '${subcommands.join(" ")}'`, of, `${also}__wg_behind ${before}`);
        add(`-a ${offered}`, of, `${also}not __wg_behind ${before}`);
      } else if (operands === "file") {
        add(`-a ${offered}`, of, `${also}__wg_behind ${before}`);
        add("-F", of, `${also}not __wg_behind ${before}`);
      } else add(`-a ${offered}`, of, when);
    }
  }
  return text;
}

/** What fish offers after a command, between quotes. */
function fishOffers(command: CompletedCommand): string {
  const { configFiles, operands, takesPeer } = command;
  const interfaces = operands === "words"
    ? ""
    : ' (wg show interfaces 2>/dev/null | string split " ")';
  const files = configFiles === undefined ? "" : ` (${listOf(configFiles)})`;
  const peers = takesPeer ? " (__wg_peers)" : "";
  return `'${afterFirst(command).join(" ")}${interfaces}${peers}${files}'`;
}
