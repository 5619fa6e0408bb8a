/**
 * Questions and requests to systemd by systemctl(1).
 * @module
 */

/**
 * Runs systemctl(1).
 * @returns what it printed, and its first complaint; undefined if there is no such program
 */
export async function systemctl(
  ...args: readonly string[]
): Promise<
  { readonly success: boolean; readonly out: string; readonly complaint: string } | undefined
> {
  try {
    const { success, stdout, stderr } = await new Deno.Command("systemctl", {
      args: [...args],
      stdin: "null",
      // A signal of the terminal is for the command, which waits for systemd.
      detached: true,
    }).output();
    const [out, complaint] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes).trim()
    );
    return { success, out, complaint: complaint.split("\n")[0] };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The main process of a unit; 0 if it has none, undefined if systemd does not answer. */
export async function mainProcessOf(unit: string): Promise<number | undefined> {
  const value = await propertyOf(unit, "MainPID");
  return value === undefined ? undefined : Number(value);
}

/** Whether any process of a unit may name another main process; only its main one by default. */
export const takesOtherMain = async (unit: string): Promise<boolean> =>
  await propertyOf(unit, "NotifyAccess") === "all";

async function propertyOf(unit: string, name: string): Promise<string | undefined> {
  const answer = await systemctl("show", `--property=${name}`, "--value", "--", unit);
  return answer?.success === true ? answer.out : undefined;
}
