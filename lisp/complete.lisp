;;;; Names that fit what somebody types. Nothing is interned, evaluated or printed for it, and no lock is held while names are compared.

(in-package :hotlisp)

;;;; How well a name fits

(defun word-start-p (name index)
  "Whether a word of NAME begins at INDEX."
  (or (zerop index) (not (alphanumericp (char name (1- index))))))

(defun bare-start (name)
  "The index behind the marks that conventions put before a name, as in *FOO*, +FOO+, %FOO and &FOO; 0 where nothing else is there."
  (or (position-if-not (lambda (character) (find character "*+%&$<")) name) 0))

(defun prefix-at-p (pattern name start)
  (let ((end (+ start (length pattern))))
    (and (<= end (length name)) (string-equal pattern name :start2 start :end2 end))))

(defun split-words (pattern)
  (loop for start = 0 then (1+ end)
        for end = (position #\- pattern :start start)
        collect (subseq pattern start end)
        while end))

(defun abbreviates-p (parts name start)
  "Whether each of PARTS begins a word of NAME from START on, in order, and the first one the first word: M-V-B."
  (and (prefix-at-p (first parts) name start)
       (loop with index = (+ start (length (first parts)))
             for part in (rest parts)
             always (loop for dash = (position #\- name :start (min index (length name)))
                          while dash
                          do (setf index (1+ dash))
                          thereis (prefix-at-p part name index)))))

(defun initials-p (pattern name start)
  "Whether PATTERN is made of beginnings of words of NAME from START on, the first word's among them: MVB, MULVB."
  (labels ((try (p n)
             ;; PATTERN from P on fits NAME where a letter is either the next one, N, or begins a later word.
             (or (= p (length pattern))
                 (and (< n (length name))
                      (char-equal (char pattern p) (char name n))
                      (try (1+ p) (1+ n)))
                 (loop for next from (1+ n) below (length name)
                       thereis (and (char-equal (char pattern p) (char name next))
                                    (word-start-p name next)
                                    (try (1+ p) (1+ next)))))))
    (and (< start (length name))
         (char-equal (char pattern 0) (char name start))
         (try 1 (1+ start)))))

(defun scattered-p (pattern name start)
  "Whether the letters of PATTERN stand in NAME in order, the first one at START."
  (loop with index = start
        for character across pattern
        for first = t then nil
        for found = (position character name :start index :test #'char-equal)
        always (and found (or (not first) (= found start)))
        do (setf index (1+ found))))

(defun name-fit (pattern parts name)
  "How well NAME fits PATTERN, whose words are PARTS: the name itself 0, its beginning 2, abbreviations more; NIL: not at all.
The server orders what it gets by the same rules (server/workspace/fuzzy.ts): here they choose what it gets."
  (let ((length (length pattern)))
    (if (zerop length)
        2
        (let ((start (bare-start name)))
          (cond ((string-equal pattern name) 0)
                ((string-equal pattern (string-trim "*+%&$<>" name)) 1)
                ((prefix-at-p pattern name 0) 2)
                ((prefix-at-p pattern name start) 3)
                ((and (rest parts) (abbreviates-p parts name start)) 4)
                ((loop for index = (search pattern name :test #'char-equal)
                         then (search pattern name :test #'char-equal :start2 (1+ index))
                       while index
                       thereis (word-start-p name index))
                 5)
                ((and (> length 1) (initials-p pattern name start)) 6)
                ((and (> length 2) (search pattern name :test #'char-equal)) 7)
                ((and (> length 2) (<= (length name) (* 4 length)) (scattered-p pattern name start)) 8)
                (t nil))))))

(declaim (inline letters-in-order-p))
(defun letters-in-order-p (lower upper name)
  "Whether the letters of a pattern, given in both cases, stand in NAME in order: nothing fits of which this is not true."
  (declare (optimize speed (safety 0) (sb-ext:inhibit-warnings 3)) (type (simple-array character (*)) lower upper))
  (let ((at 0) (wanted (length lower)))
    (declare (fixnum at wanted))
    (flet ((take (character)
             (when (or (char= character (aref lower at)) (char= character (aref upper at)))
               (incf at))))
      (declare (inline take))
      (or (zerop wanted)
          (etypecase name
            ((simple-array base-char (*)) (loop for each across name thereis (and (take each) (= at wanted))))
            ((simple-array character (*)) (loop for each across name thereis (and (take each) (= at wanted)))))))))

;;;; What a symbol is

(defun symbol-letters (symbol)
  "What SYMBOL names, a letter each: (s)pecial operator, (m)acro, (g)eneric function, (f)unction, (k) constant, (v)ariable, s(y)mbol macro,
(c)lass, s(t)ructure, condition (r), type (d)."
  (with-output-to-string (letters)
    (flet ((add (letter) (write-char letter letters)))
      (cond ((special-operator-p symbol) (add #\s))
            ((macro-function symbol) (add #\m))
            ((fboundp symbol) (add (if (typep (fdefinition symbol) 'generic-function) #\g #\f))))
      (cond ((keywordp symbol))
            ((constantp symbol) (add #\k))
            ((special-variable-p symbol) (add #\v))
            ((not (none-p (information symbol :variable :macro-expansion **none**))) (add #\y)))
      (let ((class (find-class symbol nil)))
        (cond ((typep class 'structure-class) (add #\t))
              ((and class (string= (symbol-name (class-name (class-of class))) "CONDITION-CLASS")) (add #\r))
              (class (add #\c))
              ((information symbol :type :expander) (add #\d)))))))

(defun named-something-p (symbol)
  "A quick guess whether SYMBOL names anything."
  (or (fboundp symbol) (boundp symbol) (find-class symbol nil)))

;;;; Collecting

(defun best-names (candidates limit)
  "The LIMIT best of CANDIDATES, lists (fit nearness name . rest), in order, and whether there were more."
  (flet ((better-p (a b)
           (destructuring-bind (fit nearness name &rest ignored) a
             (declare (ignore ignored) (fixnum fit nearness) (string name))
             (destructuring-bind (other-fit other-nearness other-name &rest other-ignored) b
               (declare (ignore other-ignored) (fixnum other-fit other-nearness) (string other-name))
               (cond ((/= fit other-fit) (< fit other-fit))
                     ((/= nearness other-nearness) (< nearness other-nearness))
                     ((/= (length name) (length other-name)) (< (length name) (length other-name)))
                     (t (string< name other-name)))))))
    (let ((sorted (sort candidates #'better-p)))
      (values (if (> (length sorted) limit) (subseq sorted 0 limit) sorted)
              (> (length sorted) limit)))))

(defun fitting-symbols (pattern package statuses wanted)
  "Candidates for BEST-NAMES: the symbols of PACKAGE with one of STATUSES whose names fit PATTERN and that satisfy WANTED."
  (let ((parts (split-words pattern))
        (lower (coerce (string-downcase pattern) '(simple-array character (*))))
        (upper (coerce (string-upcase pattern) '(simple-array character (*))))
        (candidates '())
        (inherited (make-hash-table :test #'eq)))
    (flet ((consider (symbol status)
             (when (and (member status statuses) (letters-in-order-p lower upper (symbol-name symbol)))
               (let ((fit (name-fit pattern parts (symbol-name symbol))))
                 ;; What several packages export comes once for each.
                 (when (and fit (funcall wanted symbol)
                            (or (not (eq status :inherited))
                                (not (shiftf (gethash symbol inherited) t))))
                   (push (list fit
                               (cond ((not (named-something-p symbol)) 2) ((eq status :inherited) 1) (t 0))
                               (symbol-name symbol) symbol status)
                         candidates))))))
      (with-package-iterator (next package :internal :external :inherited)
        (loop (multiple-value-bind (more symbol status) (next)
                (unless more (return))
                (consider symbol status)))))
    candidates))

(defun symbols-that-fit (pattern package statuses wanted limit)
  (multiple-value-bind (best more) (best-names (fitting-symbols pattern package statuses wanted) limit)
    (values (loop for (nil nil name symbol status) in best
                  collect (wire :known-name
                                :name name
                                :package (let ((home (symbol-package symbol))) (if home (package-name home) ""))
                                :is (if (keywordp symbol) "" (symbol-letters symbol))
                                :external (eq status :external)))
            more)))

(defun names-that-fit (pattern names limit)
  "NAMES is a list of (name . package)."
  (multiple-value-bind (best more)
      (let ((parts (split-words pattern)))
        (best-names (loop for (name . package) in names
                          for fit = (name-fit pattern parts name)
                          when fit collect (list fit 0 name package))
                    limit))
    (values (loop for (nil nil name package) in best
                  collect (wire :known-name :name name :package package :is "" :external t))
            more)))

(defun package-names (package)
  "All names of packages, and the nicknames that are local to PACKAGE, with the name of the package that each stands for."
  (append (and package
               (loop for (nickname . actual) in (sb-ext:package-local-nicknames package)
                     collect (cons nickname (package-name actual))))
          (loop for each in (list-all-packages)
                for name = (package-name each)
                when name
                  append (loop for known in (cons name (package-nicknames each)) collect (cons known name)))))

(defun system-names ()
  "Names of the systems that ASDF knows; none where ASDF is not there."
  (let ((registered (and (find-package "ASDF") (find-symbol "REGISTERED-SYSTEMS" "ASDF"))))
    (and registered (fboundp registered)
         (loop for name in (funcall registered) collect (cons name "")))))

(defun prefixes-that-fit (pattern package)
  "Names of packages that begin with PATTERN: what is typed may become a prefix."
  (and (plusp (length pattern))
       (loop for (name . actual) in (package-names package)
             when (prefix-at-p pattern name 0)
               collect (wire :known-name :name name :package actual :is "p" :external t)
               and count t into count
             until (eql count 20))))

(define-request complete (what pattern package prefix internal limit)
  "Names that fit PATTERN, the best first. A package that is not there has none."
  (let* ((in-effect (and package (find-package-named package)))
         (searched (if prefix
                       (let ((*package* (or in-effect *package*))) (find-package-named prefix))
                       in-effect))
         (statuses (cond ((not prefix) '(:internal :external :inherited))
                         (internal '(:internal :external))
                         (t '(:external))))
         (limit (max 0 (min limit 1000))))
    (multiple-value-bind (names more)
        (ecase what
          ((:symbols :functions :classes)
           (multiple-value-bind (names more)
               (if searched
                   (symbols-that-fit pattern searched statuses
                                     (ecase what
                                       (:symbols (constantly t))
                                       (:functions #'fboundp)
                                       (:classes (lambda (symbol)
                                                   (or (find-class symbol nil) (information symbol :type :expander)))))
                                     limit)
                   (values '() nil))
             (values (append names (and (not prefix) (not (eq what :classes)) (prefixes-that-fit pattern in-effect)))
                     more)))
          (:keywords (symbols-that-fit pattern (find-package :keyword) '(:external) (constantly t) limit))
          (:packages (names-that-fit pattern (package-names in-effect) limit))
          (:systems (names-that-fit pattern (system-names) limit)))
      (result :names names :more more))))
