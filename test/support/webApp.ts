/** The web application of the main job: hunchentoot serving HTTP in an SBCL with a Swank server, started by its user. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lispString, repository } from './lspClient.ts';
import { loadSystem, startUserImage, swankServer, type UserImage } from './userImage.ts';

export interface WebApp {
  readonly image: UserImage;
  /** Its folder, the workspace of the editor. */
  readonly root: string;
  readonly file: string;
  readonly url: string;
  /** The image's address for `image.address`. */
  readonly address: string;
  stop(): Promise<void>;
}

export async function startWebApp(): Promise<WebApp> {
  const root = mkdtempSync(path.join(tmpdir(), 'hotlisp-web-'));
  const file = path.join(root, 'web-app.lisp');
  cpSync(path.join(repository, 'test/support/fixtures/web-app.lisp'), file);
  const fasl = path.join(root, 'web-app.fasl');
  const startUp = `
    (pushnew :hunchentoot-no-ssl *features*)
    ${swankServer}
    ${loadSystem('hunchentoot', 'cl-hunchentoot')}
    (load (compile-file ${lispString(file)} :output-file ${lispString(fasl)}))
    (format t "PORT http ~D~%" (funcall (intern "START" "WEB-APP")))`;
  const image = await startUserImage(startUp, { cwd: root });
  return {
    image,
    root,
    file,
    url: `http://127.0.0.1:${image.ports['http']}/hello?n=1`,
    address: `127.0.0.1:${image.ports['swank']}`,
    stop: async () => {
      await image.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
