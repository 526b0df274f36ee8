/** A program of the user's that serves itself with (hotlisp:serve), for servers that come and go. */
import { lispString } from './lspClient.ts';
import { ownServer, socketOf, startUserImage, type UserImage } from './userImage.ts';

/** @param file Lisp text that the program has loaded; @param run a private directory for its socket */
export async function startServedImage(
  root: string,
  file: string,
  run: string,
): Promise<{ image: UserImage; address: string }> {
  const image = await startUserImage(`(load ${lispString(file)})\n${ownServer}`, {
    cwd: root,
    env: { XDG_RUNTIME_DIR: run },
  });
  return { image, address: socketOf(image) };
}
