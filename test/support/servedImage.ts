/** A program of the user's that serves itself with (hotlisp:serve), for servers that come and go. */
import path from 'node:path';
import { lispString, serverProgram } from './lspClient.ts';
import { startUserImage, type UserImage } from './userImage.ts';

/** @param file Lisp text that the program has loaded; @param run a private directory for its socket */
export async function startServedImage(
  root: string,
  file: string,
  run: string,
): Promise<{ image: UserImage; address: string }> {
  const image = await startUserImage(
    `(asdf:load-asd ${lispString(path.join(path.dirname(serverProgram), 'lisp/hotlisp.asd'))})
     (let ((*standard-output* (make-broadcast-stream)) (*error-output* (make-broadcast-stream)))
       (asdf:load-system "hotlisp"))
     (load ${lispString(file)})
     (format t "SOCKET ~a~%" (funcall (intern "SERVE" "HOTLISP")))`,
    { cwd: root, env: { XDG_RUNTIME_DIR: run } },
  );
  return { image, address: `unix:${/^SOCKET (.*)$/m.exec(image.output())![1]!}` };
}
