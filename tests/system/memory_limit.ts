/**
 * A limit of the memory of processes that a test starts: a cgroup of its own, of either version.
 * @module
 */

/**
 * A cgroup with a limit. Whatever writes its process id into `procs` is in it, with its children.
 */
export interface MemoryLimit extends Disposable {
  /** The file that takes process ids. */
  readonly procs: string;
}

/** Where memory is limited: the folder of the controller, and the file that takes the limit. */
const CONTROLLERS = [
  ["/sys/fs/cgroup", "memory.max"],
  ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
] as const;

/**
 * Makes a limit of so many bytes; undefined where that cannot be had (no root, no controller, a
 * read-only /sys).
 */
export function memoryLimit(bytes: number): MemoryLimit | undefined {
  for (const [controller, file] of CONTROLLERS) {
    const folder = `${controller}/wg-test-${crypto.randomUUID()}`;
    try {
      Deno.mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      // The kernel makes the files; one that is not there now is of another controller.
      if (Deno.statSync(`${folder}/${file}`).isFile) {
        Deno.writeTextFileSync(`${folder}/${file}`, String(bytes));
        return { procs: `${folder}/cgroup.procs`, [Symbol.dispose]: () => remove(folder) };
      }
    } catch {
      // The next one.
    }
    remove(folder);
  }
  return undefined;
}

/** A cgroup can be removed when its processes are gone; those of a room end a moment after it. */
function remove(folder: string): void {
  for (let tries = 0; tries < 100; tries++) {
    try {
      return Deno.removeSync(folder);
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}
