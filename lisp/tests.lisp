;;;; Running one test of the user's, with whatever framework its operator belongs to.

(in-package :hotlisp)

(defparameter *test-frameworks*
  '((("FIVEAM" "IT.BESE.FIVEAM") run-by-name "RUN!")
    (("PARACHUTE" "ORG.SHIRAKUMO.PARACHUTE") run-with-status "TEST" "STATUS" "PASSED")
    (("ROVE" "ROVE/CORE/TEST" "ROVE/MAIN") run-by-name "RUN-TEST" "ROVE")
    (("REGRESSION-TEST" "RT" "SB-RT") run-by-name "DO-TEST")
    (("CLUNIT" "CLUNIT2") run-by-name "RUN-TEST")
    (("1AM" "TRY") run-as-function)))

(defun run-test (name operator)
  "Run the test that the text NAME names in the current package, defined by OPERATOR, which tells the framework. Returns whether it passed,
as far as the framework says so, and what it returned. Signals an error when the framework is not known, or its function not there."
  (let* ((package *package*)
         (operator-symbol (known-symbol operator (package-name package)))
         (home (or (symbol-package operator-symbol) package))
         (names (cons (package-name home) (package-nicknames home)))
         (entry (find-if (lambda (entry) (intersection (first entry) names :test #'string=)) *test-frameworks*)))
    (unless entry
      (error "~a is of package ~a, which is no test framework that Hotlisp knows: FiveAM, Parachute, Rove, RT, CLUnit, 1am."
             operator (package-name home)))
    (destructuring-bind (how &rest arguments) (rest entry)
      (apply how home (test-designator name package) arguments))))

(defun test-designator (name package)
  "A test's name is a symbol, a string, or a list that begins with one (and goes on with options)."
  (cond ((char= (char name 0) #\") (read-quietly name))
        ((char= (char name 0) #\() (test-designator (first (split-list-text name)) package))
        (t (known-symbol name (package-name package)))))

(defun framework-function (name home &optional other)
  (loop for package in (list home (and other (find-package other)))
        for symbol = (and package (find-symbol name package))
        when (and symbol (fboundp symbol)) return symbol
        finally (error "Package ~a has no function ~a to run a test with." (package-name home) name)))

(defun run-by-name (home test function &optional other)
  (let ((result (funcall (framework-function function home other) test)))
    (values (and result t) result)))

(defun run-with-status (home test function status passed)
  (let ((result (funcall (framework-function function home) test)))
    (values (string= passed (symbol-name (funcall (framework-function status home) result))) result)))

(defun run-as-function (home test)
  (declare (ignore home))
  (let ((result (funcall test)))
    (values t result)))
