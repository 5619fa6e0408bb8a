/**
 * The help of completion.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `completion`, for wg(8) and the help. */
export const COMPLETION_MANUAL: Manual = {
  name: "completion",
  usage: ["bash | zsh | fish"],
  about: [
    "Prints a script with which the shell completes commands, their words and options, the " +
    "names of interfaces, and the peers of an interface by their descriptions. A peer without " +
    "one, or with that of another peer, is offered as its public key. Only who may ask the " +
    "interface is offered its peers. The script covers the links ifconfig, netstart, route and " +
    "netstat too.",
  ],
  lists: [
    {
      heading: "Where to put the script",
      rows: [
        [
          "bash",
          '/usr/share/bash-completion/completions/wg, or eval "$(wg completion bash)" in ~/.bashrc.',
        ],
        ["zsh", "The file _wg in a directory of fpath."],
        ["fish", "~/.config/fish/completions/wg.fish."],
      ],
    },
  ],
  notes: [
    "The scripts call `wg completion peers`, which reads the words before the cursor from standard " +
    "input, each ended by NUL, and prints the peers that may follow, one on each line.",
  ],
  literals: ["bash", "zsh", "fish"],
};
