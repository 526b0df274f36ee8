/** The web application of the main job: hunchentoot serving HTTP in an SBCL with a Swank server, started by its user. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lispString, repository } from './lspClient.ts';
import {
  loadSystem,
  ownServer,
  socketOf,
  startUserImage,
  swankServerAt,
  type UserImage,
} from './userImage.ts';

export interface WebApp {
  readonly image: UserImage;
  /** Its folder, the workspace of the editor. */
  readonly root: string;
  readonly file: string;
  readonly url: string;
  /** The image's address for `image.address`. */
  readonly address: string;
  /** Ends the image and starts another one from the files, at the same address. The URL changes. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** @param serve with a socket of the application's own instead of a Swank server */
export async function startWebApp({ serve = false } = {}): Promise<WebApp> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-web-'));
  const file = path.join(root, 'web-app.lisp');
  cpSync(path.join(repository, 'test/support/fixtures/web-app.lisp'), file);
  mkdirSync(path.join(root, 'run'), { mode: 0o700 });
  const start = (swankPort: number) => startImage(root, file, serve ? ownServer : swankServerAt(swankPort));
  let image = await start(0);
  const port = image.ports['swank'];
  return {
    get image() {
      return image;
    },
    root,
    file,
    get url() {
      return `http://127.0.0.1:${image.ports['http']}/hello?n=1`;
    },
    address: serve ? socketOf(image) : `127.0.0.1:${port}`,
    restart: async () => {
      await image.stop();
      image = await start(port ?? 0);
    },
    stop: async () => {
      await image.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** `reachable`: the form that opens the door to the image. */
function startImage(root: string, file: string, reachable: string): Promise<UserImage> {
  const fasl = path.join(root, 'web-app.fasl');
  return startUserImage(
    `(pushnew :hunchentoot-no-ssl *features*)
    ${reachable}
    ${loadSystem('hunchentoot', 'cl-hunchentoot')}
    (asdf:initialize-output-translations
      '(:output-translations (${lispString(`${root}/`)} ${lispString(`${root}/fasl/`)}) :inherit-configuration))
    (load (compile-file ${lispString(file)} :output-file ${lispString(fasl)}))
    (format t "PORT http ~D~%" (funcall (intern "START" "WEB-APP")))`,
    { cwd: root, env: { XDG_RUNTIME_DIR: path.join(root, 'run') } },
  );
}

/** Makes an ASDF system of the application, with a second file whose compilation waits until `gate` is there; it answers at /extra. */
export function writeSystem({ root }: WebApp, gate: string): void {
  writeFileSync(
    path.join(root, 'web-app.asd'),
    `(defsystem "web-app"
  :depends-on ("hunchentoot")
  :serial t
  :components ((:file "web-app") (:file "extra")))\n`,
  );
  writeFileSync(
    path.join(root, 'extra.lisp'),
    `(in-package #:web-app)

(eval-when (:compile-toplevel)
  (loop repeat 6000 until (probe-file ${lispString(gate)}) do (sleep 0.01)))

(push (hunchentoot:create-prefix-dispatcher "/extra" (lambda () "extra"))
      hunchentoot:*dispatch-table*)\n`,
  );
}

/** A file of the application with CRLF and characters outside of the BMP. @returns its path */
export function writeEmojiPage({ root }: WebApp): string {
  const file = path.join(root, 'page.lisp');
  writeFileSync(
    file,
    '(in-package #:web-app)\r\n\r\n(defun page (title)\r\n  "😀 é"\r\n  (list "😀") (format nil "😀 <p>~A</p>" title))\r\n',
  );
  return file;
}
