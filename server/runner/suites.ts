/**
 * Named test suites as forms: what runs a suite of FiveAM, Parachute or Rove in the image and answers true when it passed. Names are looked
 * up, never read, so that a misspelt one interns nothing.
 */
import { oneLine } from '../display.ts';
import { suitePattern } from '../settings.ts';

const libraries = { fiveam: 'FIVEAM', parachute: 'PARACHUTE', rove: 'ROVE' } as const;
type Library = keyof typeof libraries;

/** Where the forms are read: the agent's own package, so that their words are no symbols of the program. */
export const suitePackage = 'HOTLISP';

/** The form that runs the suite, which the setting names as `library:name` and where `home` is the current package; its output is the library's own report. It signals where the library or the suite is not there. */
export function suiteForm(suite: string, home: string): string {
  const [, library, name] = suitePattern.exec(suite)!;
  const key = library!.toLowerCase() as Library;
  return `(let* ((*package* (or (find-package ${literal(home)}) (find-package "COMMON-LISP-USER")))
       (library (or (find-package "${libraries[key]}")
                      (error "~a is not loaded in this image." ${literal(key)})))
       (variables (remove nil (mapcar (lambda (name) (find-symbol name library))
                                      '("*ON-ERROR*" "*ON-FAILURE*" "*DEBUG-ON-ERROR*" "*ENABLE-COLORS*")))))
  (flet ((call (name &rest arguments) (apply (find-symbol name library) arguments)))
    (progv variables (mapcar (constantly nil) variables)
      ${run[key](name!)})))`;
}

const run: Readonly<Record<Library, (name: string) => string>> = {
  fiveam: name => `(let* ((suite ${symbol(name, 'FiveAM')})
             (results (if (call "GET-TEST" suite)
                          (call "RUN" suite)
                          (error "FiveAM has no suite or test ~s." suite))))
        (call "EXPLAIN!" results)
        (if results
            (and (call "RESULTS-STATUS" results) t)
            (error "~s made no check." suite)))`,
  parachute: name => `(eq :passed
          (call "STATUS" (call "TEST" ${symbol(name, 'Parachute', `(find-package ${literal(upcased(name))})`)}
                               :report (find-symbol "PLAIN" library))))`,
  rove: name => `(and (call "RUN" ${literal(name.replace(/^:/, '').toLowerCase())}) t)`,
};

const literal = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;

/** In the case of the standard readtable; what stands in |bars| keeps its case. */
const upcased = (text: string) => (text.startsWith('|') ? text.replaceAll('|', '') : text.toUpperCase());

/** Code that finds the symbol: of its package, else of the current one, else the keyword; else what `otherwise` answers. */
function symbol(name: string, library: string, otherwise = 'nil'): string {
  const [, prefix, bare] = /^(?:([^:|]*)::?)?(.+)$/.exec(name)!;
  const wanted = literal(upcased(bare!));
  const homes =
    prefix === undefined
      ? '(list *package* (find-package "KEYWORD"))'
      : prefix === ''
        ? '(list (find-package "KEYWORD"))'
        : `(list (or (find-package ${literal(upcased(prefix))}) (error "There is no package ~a." ${literal(upcased(prefix))})))`;
  return `(or (loop for home in ${homes}
                       do (multiple-value-bind (symbol found) (find-symbol ${wanted} home)
                            (when (and found ${library === 'FiveAM' ? '(call "GET-TEST" symbol)' : '(call "FIND-TEST" symbol)'}) (return symbol))))
                 ${otherwise}
                 (error "~a has no test ~a." ${literal(library)} ${literal(name)}))`;
}

/** The part of a library's report that says what failed, on one line. */
export function failuresIn(output: string): string {
  const marker = /failure details:|;; failures:|failed\.?$/im.exec(output);
  const part = marker ? output.slice(marker.index + marker[0].length) : output;
  const lines = part
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => /[^-\s;=]/.test(line));
  return oneLine(lines.join('; '), 600);
}
