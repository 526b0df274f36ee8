;;;; Instances of classes that are about to be defined otherwise: which slots they gain and lose, and how many there are.

(in-package :hotlisp)

;;;; Slots

(defun slot-names-of (class)
  "The names of the slots that an instance of CLASS has; of a class that has never been finalized, as far as it says itself."
  (mapcar #'sb-mop:slot-definition-name
          (if (sb-mop:class-finalized-p class)
              (sb-mop:class-slots class)
              (sb-mop:class-direct-slots class))))

(defun slot-text-name (text package)
  "The symbol that the slot specification TEXT names in PACKAGE; its name, a string, where there is no such symbol yet."
  (let* ((parts (split-list-text text))
         (name-text (if (consp parts) (first parts) text)))
    (multiple-value-bind (symbol found name) (resolve-symbol name-text package)
      (cond (found symbol)
            (name name)
            (t name-text)))))

(defun text-slot-names (elements package)
  "The names, as SLOT-TEXT-NAME has them, of the slots that the class of ELEMENTS, the texts of a DEFCLASS or DEFINE-CONDITION form, will have."
  (flet ((texts (text) (let ((parts (and text (split-list-text text)))) (if (consp parts) parts '()))))
    (remove-duplicates
     (append (loop for super in (texts (third elements))
                   for symbol = (nth-value 0 (resolve-symbol super package))
                   for class = (and symbol (find-class symbol nil))
                   when class append (slot-names-of class))
             (loop for text in (texts (fourth elements)) collect (slot-text-name text package)))
     :test #'equal :from-end t)))

(defun slot-migration (definition unit)
  "The contract's Migration for the class of DEFINITION when UNIT takes effect; NIL when its instances keep the slots that they have."
  (let* ((class (and (resolved-p definition) (find-class (definition-symbol definition) nil)))
         (elements (defining-elements unit 'defclass 'define-condition))
         (package (find-package-named (unit-package-name unit))))
    (when (and class elements (ordinary-class-p class))
      (let* ((old (slot-names-of class))
             (new (text-slot-names elements package))
             (added (set-difference new old :test #'equal))
             (dropped (set-difference old new :test #'equal)))
        (flet ((texts (names order)
                 (loop for name in order
                       when (member name names :test #'equal)
                         collect (if (stringp name)
                                     (bare-symbol-text name)
                                     (safely-print (lambda () (let ((*package* package)) (prin1-to-string name))) 200 "a name")))))
          (when (or added dropped)
            (wire :migration :added (texts added new) :dropped (texts dropped old))))))))

;;;; Instances

(defun with-subclasses (class)
  "CLASS and everything below it."
  (let ((seen '()) (waiting (list class)))
    (loop while waiting
          do (let ((next (pop waiting)))
               (unless (member next seen)
                 (push next seen)
                 (setf waiting (append (sb-mop:class-direct-subclasses next) waiting)))))
    seen))

(defun count-instances (class milliseconds)
  "How many objects of CLASS, or of a class below it, are in memory, old garbage that nobody has collected yet included, and whether all of
the memory was looked through within MILLISECONDS. Other threads cannot collect garbage meanwhile."
  ;; What a thread has allocated last is seen once its region is closed, which collecting the youngest generation does.
  (sb-ext:gc :gen 0)
  (let ((classes (make-hash-table :test #'eq))
        (end (+ (microseconds) (* 1000 milliseconds)))
        (count 0) (seen 0) (whole nil))
    (declare (type fixnum count seen))
    (dolist (each (with-subclasses class)) (setf (gethash each classes) t))
    (block walk
      (call-walking-code
       (lambda ()
         (setf count 0)
         (map-instances (lambda (object)
                          (when (gethash (class-of object) classes) (incf count))
                          (when (and (zerop (logand (incf seen) 1023)) (> (microseconds) end))
                            (return-from walk))))))
      (setf whole t))
    (values count whole)))

(define-request instances (definition package seconds)
  "How many live instances the class has. Walks the memory with garbage collection held off: for a person who asked."
  (unless (capability :instances)
    (wire-error :invalid-request "This SBCL (~a) does not let its memory be looked through." (lisp-implementation-version)))
  (let* ((resolved (resolve-definition definition 0 (known-package package)))
         (class (and (resolved-p resolved) (find-class (definition-symbol resolved) nil))))
    (unless class
      (wire-error :unknown-symbol "The image has no class ~a." (getf definition :name)))
    (multiple-value-bind (count whole) (count-instances class (* 1000 seconds))
      (result :class (print-name (class-name class)) :count count :whole whole))))
