/**
 * Folders that one process at a time writes to.
 *
 * The file `run.lock` in the folder carries a lock of the system (flock, LockFileEx), which ends with its process even by
 * SIGKILL or a crash, also over NFS: no process id has to be checked, and a file that is left over bars nothing. Its text
 * is for messages only. On a file system without such locks the file itself is the lock.
 *
 * @module
 */
import { join } from "node:path";
import { hostName } from "../base/environment.ts";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { fileError } from "./file_error.ts";

/** A locked folder. Disposing of it unlocks the folder, and removes it if it was made here and is empty. */
export interface FolderLock extends AsyncDisposable {
  folder: string;
}

/** Another process has locked the folder. */
export class FolderInUseError extends UserError {}

/** How a lock is taken; tests replace it. */
export interface LockSystem {
  /** Locks `file` unless another process has; null if the file system has no locks. */
  tryLock(file: Deno.FsFile): Promise<boolean | null>;
}

const NAME = "run.lock";

/** Errors of file systems that have no locks. */
const WITHOUT_LOCKS = ["ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK"];

const system: LockSystem = {
  async tryLock(file) {
    try {
      return await file.tryLock(true);
    } catch (error) {
      if (WITHOUT_LOCKS.includes((error as { code?: string }).code ?? "")) return null;
      throw error;
    }
  },
};

/**
 * Makes `folder` if there is none, and locks it.
 *
 * @throws {FolderInUseError} if another process, or another part of this one, has locked it.
 * @throws {MachineError} if the folder cannot be written to.
 */
export async function lockFolder(folder: string, { tryLock }: LockSystem = system): Promise<FolderLock> {
  const path = join(folder, NAME), isNew = !await exists(folder);
  try {
    for (;;) {
      await Deno.mkdir(folder, { recursive: true });
      const opened = await openLock(path);
      if (!opened) continue; // the folder was removed in between
      const { file, created } = opened;
      const isLocked = await tryLock(file).catch((error) => {
        file.close();
        throw error;
      });
      if (!(isLocked ?? created)) {
        file.close();
        throw await inUse(folder, { hasLocks: isLocked !== null });
      }
      if (await isAt(file, path)) return await lockOf(file, { folder, path, isNew });
      file.close(); // its holder removed it in between
    }
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Opens or creates the lock file; null if its folder does not exist. */
async function openLock(path: string): Promise<{ file: Deno.FsFile; created: boolean } | null> {
  const options = { read: true, write: true };
  try {
    return { file: await Deno.open(path, { ...options, createNew: true }), created: true };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  try {
    return { file: await Deno.open(path, { ...options, create: true }), created: false };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether `file` is still the one at `path`. */
async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const [mine, there] = await Promise.all([file.stat(), Deno.stat(path).catch(() => null)]);
  return there !== null && mine.ino === there.ino && mine.dev === there.dev;
}

/** Writes into the locked `file` who holds it. */
async function lockOf(
  file: Deno.FsFile,
  { folder, path, isNew }: { folder: string; path: string; isNew: boolean },
): Promise<FolderLock> {
  const holder: Holder = { pid: Deno.pid, host: hostName(), since: new Date().toISOString() };
  await file.truncate();
  await file.write(new TextEncoder().encode(`${JSON.stringify(holder)}\n`));
  return {
    folder,
    async [Symbol.asyncDispose]() {
      // Removed while it is locked, or it could be the file of the next holder.
      await Deno.remove(path).catch(() => {});
      file.close();
      if (isNew) await Deno.remove(folder).catch(() => {}); // fails if something was written to it
    },
  };
}

/** The process that holds a lock. */
interface Holder {
  pid: number;
  host: string | null;
  since: string;
}

/** The error for a folder that is locked. */
async function inUse(folder: string, { hasLocks }: { hasLocks: boolean }): Promise<FolderInUseError> {
  const path = join(folder, NAME), { pid, host, since } = await holderIn(path);
  const who = pid === undefined ? "another process" : `process ${pid}${host ? ` on ${host}` : ""}`;
  const when = since === undefined ? "" : ` since ${since}`;
  // A lock of this machine ends with its process; one of another machine only if the file server hears of that.
  const isElsewhere = !hasLocks || Boolean(host) && host !== (hostName() ?? host);
  return new FolderInUseError(
    `Cannot write to "${folder}": ${who} has been using it${when}. Wait until it ends, or choose another folder.` +
      (isElsewhere ? ` If that process no longer exists, remove ${path}.` : ""),
  );
}

async function holderIn(path: string): Promise<Partial<Holder>> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) ?? {};
  } catch {
    return {}; // it is being written, or this system lets nobody read a locked file
  }
}
