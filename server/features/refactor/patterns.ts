/** Patterns of code that is safe to reload while it runs, put in between top-level forms. */

export interface Pattern {
  readonly title: string;
  /** With `${n:name}` for what the user fills in. */
  readonly snippet: string;
}

/** @param bordeaux the program has bordeaux-threads; else SBCL's own threads are used */
export function patterns(bordeaux: string | undefined): readonly Pattern[] {
  const lock = bordeaux
    ? `(${bordeaux}:make-lock ${/2$/.test(bordeaux) ? ':name ' : ''}"\${1:handler}")`
    : `(sb-thread:make-mutex :name "\${1:handler}")`;
  const holding = bordeaux
    ? `(${bordeaux}:with-lock-held (*\${1:handler}-lock*)`
    : `(sb-thread:with-mutex (*\${1:handler}-lock*)`;
  return [
    {
      title: 'Insert guarded transition',
      // DEFVAR, so that a reload keeps the lock that threads hold
      snippet: `(defvar *\${1:handler}-lock* ${lock}
  "Held while *\${1:handler}* changes.")

(defvar *\${1:handler}* \${2:nil})

(defun update-\${1:handler} (new)
  "Make NEW the \${1:handler} of all threads from their next use on; answers the old one."
  ${holding}
    (shiftf *\${1:handler}* new)))
`,
    },
    {
      title: 'Insert feature flag',
      // DEFVAR, so that a reload leaves it as it was set
      snippet: `(defvar *use-new-\${1:algorithm}* nil
  "Whether \${1:algorithm} takes its new way. Set it while the program runs.")

(defun old-\${1:algorithm} (\${2:input})
  \${2:input})

(defun new-\${1:algorithm} (\${2:input})
  \${2:input})

(defun \${1:algorithm} (\${2:input})
  (if *use-new-\${1:algorithm}*
      (new-\${1:algorithm} \${2:input})
      (old-\${1:algorithm} \${2:input})))
`,
    },
    {
      title: 'Insert versioned definition',
      snippet: `(defparameter *\${1:compute}-version* 1
  "Raise it with each change of \${1:compute}: what is logged tells which one ran.")

(defun \${1:compute} (\${2:input})
  (let ((version *\${1:compute}-version*))
    (format *trace-output* "~&\${1:compute}, version ~d~%" version)
    \${2:input}))
`,
    },
  ];
}

/** The snippet with what it proposes. */
export const plainText = (snippet: string): string => snippet.replace(/\$\{\d+:([^}]*)\}/g, '$1');
