/**
 * The help of completion.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What wg(8) and the help say. */
export const COMPLETION_MANUAL: Manual = {
  name: "completion",
  usage: ["bash | zsh | fish"],
  about: [
    "Prints a script that makes the shell complete the commands, their words and options, and the names of " +
    "interfaces, also for the links ifconfig, netstart, route and netstat.",
  ],
  lists: [
    {
      heading: "Where the script goes",
      rows: [
        [
          "bash",
          '/usr/share/bash-completion/completions/wg, or eval "$(wg completion bash)" in ~/.bashrc.',
        ],
        ["zsh", "_wg in a folder of fpath."],
        ["fish", "~/.config/fish/completions/wg.fish."],
      ],
    },
  ],
  notes: [],
  literals: ["bash", "zsh", "fish"],
};
