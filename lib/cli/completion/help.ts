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
    "Prints a script with which the shell completes commands, their words and options, and " +
    "the names of interfaces. The script covers the links ifconfig, netstart, route and " +
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
  notes: [],
  literals: ["bash", "zsh", "fish"],
};
