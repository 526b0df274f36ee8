;;;; From the names in a source text to the things of the image. Nothing here calls the Lisp reader, interns a symbol or evaluates
;;;; anything, so that text from a buffer can be looked at before anyone has approved of it.

(in-package :hotlisp)

;;;; Packages

(defun find-package-named (name)
  "The package whose name or nickname is NAME, exactly as given or in upper case; else NIL."
  (or (find-package name) (find-package (string-upcase name))))

(defun package-of-form (form index &optional announced)
  "The package that the wire's FORM, number INDEX of its request, belongs to. NIL when it does not exist but ANNOUNCED, a list of
names, holds it: an earlier form will make it. Signals a WIRE-ERROR of kind :UNKNOWN-PACKAGE otherwise."
  (let ((name (getf form :package)))
    (or (find-package-named name)
        (if (member name announced :test #'string-equal)
            nil
            (wire-error (list :unknown-package :form index)
                        "The image has no package ~a. Load the system that defines it first." name)))))

;;;; Symbols

(defun parse-symbol-text (text)
  "Read TEXT as the standard syntax reads a symbol: letters in upper case, \\ and |…| kept. Returns its name, its package prefix
(NIL without one, \"\" for a keyword) and the number of package markers; NIL when TEXT is not the text of one symbol."
  (let ((part (make-string-output-stream))
        (prefix nil)
        (markers 0)
        (bars nil)
        (position 0)
        (end (length text)))
    (loop while (< position end)
          do (let ((character (char text position)))
               (incf position)
               (cond ((char= character #\\)
                      (when (= position end) (return-from parse-symbol-text nil))
                      (write-char (char text position) part)
                      (incf position))
                     ((char= character #\|) (setf bars (not bars)))
                     (bars (write-char character part))
                     ((char= character #\:)
                      (when (and (plusp markers) (or (= markers 2) (char/= (char text (- position 2)) #\:)))
                        (return-from parse-symbol-text nil))
                      (when (zerop markers) (setf prefix (get-output-stream-string part)))
                      (incf markers))
                     ((find character "()\"';`, ") (return-from parse-symbol-text nil))
                     ((or (char= character #\Tab) (char= character #\Newline) (char= character #\Return))
                      (return-from parse-symbol-text nil))
                     (t (write-char (char-upcase character) part)))))
    (let ((name (get-output-stream-string part)))
      (if (or bars (zerop end)) nil (values name prefix markers)))))

(defun resolve-symbol (text package)
  "The symbol that TEXT would be read as in PACKAGE, without interning it. Returns (values symbol found-p name package-name):
NAME is the symbol's name as TEXT spells it, also where no such symbol exists; all are NIL when TEXT is not a symbol's."
  (multiple-value-bind (name prefix) (parse-symbol-text text)
    (cond ((null name) (values nil nil nil nil))
          ((and prefix (string= prefix ""))
           (multiple-value-bind (symbol status) (find-symbol name :keyword)
             (values symbol (and status t) name "KEYWORD")))
          (t
           (let ((home (if prefix
                           ;; Nicknames that are local to PACKAGE count, as they do for the reader.
                           (let ((*package* (or package *package*))) (find-package prefix))
                           package)))
             (if home
                 (multiple-value-bind (symbol status) (find-symbol name home)
                   (values symbol (and status t) name
                           (if (and status (symbol-package symbol))
                               (package-name (symbol-package symbol))
                               (package-name home))))
                 (values nil nil name prefix)))))))

(defun name-symbol (name)
  "The symbol that NAME, a function's, is about; NIL for names of another form."
  (typecase name
    (symbol name)
    ((cons (eql setf) (cons symbol null)) (second name))))

;;;; Lists in text, split without reading them

(defun blank-p (character)
  (member character '(#\Space #\Tab #\Newline #\Return #\Page)))

(declaim (inline token-character-p))
(defun token-character-p (character)
  (not (member character '(#\Space #\Tab #\Newline #\Return #\Page #\( #\) #\" #\' #\; #\` #\,))))

(defun element-end (text start)
  "The index after the element of a list that starts at START, which must not be blank: an atom, a string or a parenthesised list."
  (let ((end (length text)) (depth 0) (position start))
    (loop
      (when (>= position end) (return end))
      (let ((character (char text position)))
        (case character
          (#\\ (incf position 2))
          (#\; (if (zerop depth)
                   (return position)
                   (setf position (or (position #\Newline text :start position) end))))
          (#\| (setf position (1+ (or (position #\| text :start (1+ position)) (1- end)))))
          (#\" (setf position (string-end text position))
           (when (zerop depth) (return position)))
          (#\( (incf depth) (incf position))
          (#\) (when (zerop depth) (return position))
           (incf position)
           (when (zerop (decf depth)) (return position)))
          (t (if (and (zerop depth) (> position start) (blank-p character))
                 (return position)
                 (incf position))))))))

(defun string-end (text start)
  "The index after the string literal whose opening quote is at START."
  (loop with position = (1+ start)
        while (< position (length text))
        do (case (char text position)
             (#\\ (incf position 2))
             (#\" (return (1+ position)))
             (t (incf position)))
        finally (return (length text))))

(defun non-blank-position (text start)
  (or (position-if-not #'blank-p text :start (min start (length text))) (length text)))

(defun feature-holds-p (text)
  "Whether the feature expression TEXT is true in this image."
  (let ((parts (split-list-text text)))
    (if (consp parts)
        (let ((operator (nth-value 0 (parse-symbol-text (first parts)))))
          (cond ((equal operator "AND") (every #'feature-holds-p (rest parts)))
                ((equal operator "OR") (some #'feature-holds-p (rest parts)))
                ((equal operator "NOT") (notevery #'feature-holds-p (rest parts)))
                (t nil)))
        (multiple-value-bind (symbol found) (resolve-symbol text (find-package :keyword))
          (and found (member symbol *features*) t)))))

(defun split-list-text (text)
  "The texts of the elements of the list whose text is TEXT, but for comments and what reader conditionals hide; :NOT-A-LIST when TEXT
is not one."
  (let ((end (length text)) (position 1) (elements '())
        ;; How many of the next elements are hidden.
        (hidden 0))
    (when (or (< end 2) (char/= (char text 0) #\())
      (return-from split-list-text :not-a-list))
    (loop
      (loop while (and (< position end) (blank-p (char text position))) do (incf position))
      (cond ((>= position end) (return-from split-list-text :not-a-list))
            ((char= (char text position) #\)) (return (nreverse elements)))
            ((char= (char text position) #\;)
             (setf position (or (position #\Newline text :start position) end)))
            ((and (char= (char text position) #\#) (< (1+ position) end) (char= (char text (1+ position)) #\|))
             (let ((close (search "|#" text :start2 position)))
               (setf position (if close (+ close 2) end))))
            ((and (char= (char text position) #\#) (< (1+ position) end) (find (char text (1+ position)) "+-"))
             (let* ((start (non-blank-position text (+ position 2)))
                    (stop (min end (if (< start end) (element-end text start) end))))
               (unless (eq (feature-holds-p (subseq text start stop)) (char= (char text (1+ position)) #\+))
                 (incf hidden))
               (setf position stop)))
            (t (let ((stop (element-end text position)))
                 (if (plusp hidden)
                     (decf hidden)
                     (push (subseq text position (min stop end)) elements))
                 (setf position (max stop (1+ position)))))))))

;;;; Definitions

(defstruct (definition (:copier nil) (:predicate nil))
  "A definition that the server read from the syntax tree, and what it names in the image.
SYMBOL is the symbol of the name (of FOO in (SETF FOO)), :UNRESOLVED where no such symbol exists; METHOD-KEY is, for a method,
(qualifiers . specializers) with :UNRESOLVED in place of what only evaluation could tell."
  (form 0) kind text (symbol :unresolved) setf symbol-name package-name method-key qualifier-texts specializer-texts)

(defun resolved-p (definition)
  (not (eq (definition-symbol definition) :unresolved)))

(defun definition-name (definition)
  "What the definition names: a symbol, (SETF symbol), a string for a package; :UNRESOLVED where the image has no such symbol."
  (cond ((eq (definition-kind definition) :package) (definition-symbol-name definition))
        ((not (resolved-p definition)) :unresolved)
        ((definition-setf definition) (list 'setf (definition-symbol definition)))
        (t (definition-symbol definition))))

(defun setf-name-text (text)
  "The text of FOO when TEXT is the text of (setf foo); else NIL."
  (let ((elements (split-list-text text)))
    (and (consp elements) (= (length elements) 2)
         (equal (parse-symbol-text (first elements)) "SETF")
         (second elements))))

(defun package-designator-text (text)
  "The package name that the text of a string designator stands for: \"x\", :x, #:x or x; NIL when it is none of them."
  (cond ((and (> (length text) 1) (char= (char text 0) #\"))
         (remove #\\ (subseq text 1 (1- (length text)))))
        ((and (> (length text) 1) (string= "#:" text :end2 2)) (nth-value 0 (parse-symbol-text (subseq text 2))))
        (t (nth-value 0 (parse-symbol-text text)))))

(defun resolve-definition (wire form package)
  "The DEFINITION for the wire's definition name WIRE, in form number FORM, whose package is PACKAGE (NIL: not there yet)."
  (let* ((text (string-trim '(#\Space #\Tab #\Newline #\Return) (getf wire :name)))
         (kind (getf wire :kind))
         (setf-text (setf-name-text text))
         (definition (make-definition :form form :kind kind :text text :setf (and setf-text t)
                                      :qualifier-texts (getf wire :qualifiers)
                                      :specializer-texts (getf wire :specializers))))
    (cond ((eq kind :package)
           (let* ((name (or (package-designator-text text) text))
                  (existing (find-package-named name)))
             (setf (definition-symbol-name definition) (if existing (package-name existing) name)
                   (definition-package-name definition) (definition-symbol-name definition))))
          (t (resolve-name definition (or setf-text text) package)))
    definition))

(defun resolve-name (definition text package)
  (multiple-value-bind (symbol found name home) (resolve-symbol text package)
    (setf (definition-symbol definition) (if found symbol :unresolved)
          (definition-symbol-name definition) (or name text)
          (definition-package-name definition) (or home (and package (package-name package)) "")
          (definition-method-key definition)
          (when (eq (definition-kind definition) :method)
            (cons (loop for qualifier in (definition-qualifier-texts definition)
                        collect (literal-value qualifier package))
                  (loop for specializer in (definition-specializer-texts definition)
                        collect (resolve-specializer specializer package)))))
    definition))

(defun literal-value (text package)
  "What TEXT denotes when it is a number, a keyword, a character of one letter, a string without escapes or a symbol (quoted or, as a
qualifier, bare); :UNRESOLVED for everything else."
  (let ((first (if (plusp (length text)) (char text 0) #\Space)))
    (cond ((and (or (digit-char-p first) (find first "+-")) (ignore-errors (parse-integer text))))
          ((and (char= first #\") (not (find #\\ text)) (> (length text) 1)) (subseq text 1 (1- (length text))))
          ((and (> (length text) 2) (string= "#\\" text :end2 2))
           (if (= (length text) 3) (char text 2) (or (name-char (subseq text 2)) :unresolved)))
          (t (multiple-value-bind (symbol found)
                 (resolve-symbol (if (char= first #\') (subseq text 1) text) package)
               (if found symbol :unresolved))))))

(defun constant-value (text package)
  "The value of the literal, the quoted symbol or the constant variable TEXT; :UNRESOLVED for everything else, which only evaluation could tell."
  (let ((value (literal-value text package)))
    (cond ((or (not (symbolp value)) (eq value :unresolved) (char= (char text 0) #\')) value)
          ((and (constantp value) (boundp value)) (symbol-value value))
          (t :unresolved))))

(defun resolve-specializer (text package)
  "A class name, (EQL value), or :UNRESOLVED."
  (let ((elements (split-list-text text)))
    (cond ((and (consp elements) (= (length elements) 2) (equal (parse-symbol-text (first elements)) "EQL"))
           (let ((value (constant-value (second elements) package)))
             (if (eq value :unresolved) :unresolved (list 'eql value))))
          ((consp elements) :unresolved)
          (t (multiple-value-bind (symbol found) (resolve-symbol text package)
               (if found symbol :unresolved))))))

(defun unresolved-method-p (definition)
  "Whether only evaluation could tell which method DEFINITION names."
  (let ((key (definition-method-key definition)))
    (or (member :unresolved (car key)) (member :unresolved (cdr key)))))

(defun find-defined-method (definition)
  "The method object that DEFINITION, of kind :METHOD, names; NIL when there is none or its name cannot be told without evaluating."
  (let ((name (definition-name definition))
        (key (definition-method-key definition)))
    (when (and (not (eq name :unresolved)) (fboundp name) (not (unresolved-method-p definition)))
      (let ((function (fdefinition name)))
        (when (typep function 'standard-generic-function)
          (find-if (lambda (method)
                     (and (equal (method-qualifiers method) (car key))
                          (specializers-match-p (sb-mop:method-specializers method) (cdr key))))
                   (sb-mop:generic-function-methods function)))))))

(defun specializers-match-p (specializers names)
  (and (= (length specializers) (length names))
       (every (lambda (specializer name)
                (cond ((typep specializer 'sb-mop:eql-specializer)
                       (and (consp name) (eql (sb-mop:eql-specializer-object specializer) (second name))))
                      ((typep specializer 'class)
                       (and (symbolp name) (eq specializer (find-class name nil))))
                      (t nil)))
              specializers names)))

(defun declared-names (definition)
  "What DEFINITION, of kind :DECLARATION, declares the type of: (values kind names), KIND being :FTYPE for functions, :VARIABLE-TYPE for variables and NIL
where it declares something else."
  (let ((parts (and (eq (definition-kind definition) :declaration) (split-list-text (definition-text definition))))
        (package (find-package-named (definition-package-name definition))))
    (when (and (consp parts) package)
      (let ((operator (parse-symbol-text (first parts))))
        (flet ((names (texts)
                 (loop for text in texts
                       for setf-text = (setf-name-text text)
                       for (symbol found) = (multiple-value-list (resolve-symbol (or setf-text text) package))
                       when (and found symbol) collect (if setf-text (list 'setf symbol) symbol))))
          (cond ((equal operator "FTYPE") (values :ftype (names (cddr parts))))
                ((equal operator "TYPE") (values :variable-type (names (cddr parts))))
                ((or (char= (char (first parts) 0) #\()
                     (multiple-value-bind (symbol found) (resolve-symbol (first parts) package)
                       (and found symbol (or (find-class symbol nil) (information symbol :type :expander)))))
                 (values :variable-type (names (rest parts))))))))))

;;;; Names for people

(defparameter *plain-characters*
  (let ((plain (make-array 128 :element-type 'bit :initial-element 0)))
    (loop for code from (char-code #\!) to (char-code #\~)
          do (unless (find (code-char code) "()\"';`,:|\\#abcdefghijklmnopqrstuvwxyz") (setf (sbit plain code) 1)))
    plain)
  "For each character code below 128 whether it is printed as it is in a symbol's name.")

(defun bare-symbol-text (name)
  "A symbol's NAME as it is printed without a package prefix: FOO, |Foo|."
  (if (loop with plain of-type (simple-bit-vector 128) = *plain-characters*
            for character across (the string name)
            for code = (char-code character)
            always (and (< code 128) (plusp (sbit plain code))))
      name
      (with-plain-printing (let ((*print-gensym* nil)) (prin1-to-string (make-symbol name))))))

(defun upcase-plain-text (text)
  "TEXT as a printer would fold it; as it is from where case may matter in it."
  (string-upcase text :end (position-if (lambda (character) (find character "|\\\"")) text)))

(defun definition-label (definition)
  "The definition's name for people and journals: COMPUTE, (SETF COMPUTE), AREA :AROUND (CIRCLE)."
  (let ((base (if (eq (definition-kind definition) :package)
                  (definition-symbol-name definition)
                  (bare-symbol-text (definition-symbol-name definition)))))
    (when (definition-setf definition) (setf base (format nil "(SETF ~a)" base)))
    (if (eq (definition-kind definition) :method)
        (format nil "~a~{ ~a~} (~{~a~^ ~})" base
                (mapcar #'upcase-plain-text (definition-qualifier-texts definition))
                (mapcar #'upcase-plain-text (definition-specializer-texts definition)))
        base)))

(defun definition-wire (definition change)
  "The contract's Definition for DEFINITION, whose change is the keyword CHANGE."
  (wire :definition :kind (string-downcase (definition-kind definition)) :name (definition-label definition)
                    :package (definition-package-name definition) :change change))
