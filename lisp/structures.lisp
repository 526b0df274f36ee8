;;;; Whether SBCL will take a structure's new definition while the old one exists: its slots have to stay where they are, stored as they
;;;; are, and must not take more than they did.

(in-package :hotlisp)

(defun structure-hazard (definition unit)
  (let* ((symbol (definition-symbol definition))
         (class (find-class symbol nil))
         (description (and (capability :structures) (find-structure-description symbol nil))))
    (cond ((and class (not (typep class 'structure-class)))
           (hazard "kind-changed" "~a names a ~(~a~) now: SBCL will refuse to make a structure of it. Remove the definition from the image first."
                   (definition-label definition) (class-name (class-of class))))
          (description
           (let ((elements (defining-elements unit 'defstruct)))
             (when (and elements (not (structure-options (second elements) "TYPE")))
               (structure-slots-hazard definition description elements (find-package-named (unit-package-name unit)))))))))

(defun structure-options (text name)
  "The texts of the arguments of every option NAME in TEXT, a structure's name and options: a list of lists."
  (let ((options (split-list-text text)))
    (when (consp options)
      (loop for option in (rest options)
            for parts = (split-list-text option)
            for list = (if (consp parts) parts (list option))
            when (equal (parse-symbol-text (string-left-trim ":" (first list))) name)
              collect (rest list)))))

(defun structure-slots-hazard (definition description elements package)
  (let* ((option (first (structure-options (second elements) "INCLUDE")))
         (included (and option (resolve-symbol (first option) package)))
         (parent (and included (find-structure-description included nil)))
         (old-parent (included-structure description))
         (inherited (if parent (length (structure-slots parent)) 0))
         (new (loop for text in (cddr elements)
                    unless (and (plusp (length text)) (char= (char text 0) #\"))
                      collect text))
         (old (nthcdr inherited (structure-slots description)))
         (new-names (mapcar #'lambda-list-element-name new))
         (old-names (mapcar (lambda (slot) (symbol-name (structure-slot-name slot))) old)))
    (cond ((not (eq included old-parent))
           (hazard "structure-incompatible"
                   "~a will include ~:[nothing~;~:*~a~] instead of ~:[nothing~;~:*~a~]: SBCL refuses that while the old structure exists. Remove it from the image first."
                   (definition-label definition) included old-parent))
          ((not (equal new-names old-names))
           (hazard "structure-incompatible"
                   "The slots of ~a will be (~{~a~^ ~}) instead of (~{~a~^ ~}): SBCL refuses that while the old structure exists. Remove it from the image first."
                   (definition-label definition) new-names old-names))
          (t (structure-types-hazard definition new-names (subseq (structure-slots description) 0 inherited)
                                     (mapcar #'structure-slot-type old)
                                     (loop for text in new collect (slot-type text package)))))))

(defun structure-types-hazard (definition names inherited old new)
  "The hazard of giving the slots NAMES, which follow those INHERITED, the types NEW instead of OLD."
  (let ((widened (loop for name in names for before in old for after in new
                       when (widened-p before after)
                         return (hazard "structure-incompatible"
                                        "The slot ~a of ~a would take values that are no ~a, which it is for now: SBCL refuses that while the old structure exists. Remove it from the image first."
                                        name (definition-label definition) (print-value before 80))))
        (others (mapcar #'structure-slot-type inherited)))
    (cond (widened)
          ((stored-otherwise-p (append others old) (append others new))
           (let ((at (or (mismatch old new :test #'equal) 0)))
             (hazard "structure-incompatible"
                     "The slot ~a of ~a will be stored otherwise than it is now, as ~a: SBCL refuses that while the old structure exists. Remove it from the image first."
                     (nth at names) (definition-label definition) (print-value (nth at old) 80))))
          (t (loop for name in names for before in old for after in new
                   when (widened-p after before)
                     return (hazard "slot-narrowed"
                                    "The slot ~a of ~a would be ~a instead of ~a: code that is compiled for it does not check what instances that exist hold, and misreads what is none.~@[ ~a~]"
                                    name (definition-label definition) (print-value after 80) (print-value before 80)
                                    (unnamed-users-text (unnamed-users (list (definition-symbol definition)) :old t))))))))

(defun unnamed-users-text (labels)
  "What to say of the functions without a name called LABELS before a slot takes less; NIL where there are none."
  (when labels
    (format nil "~:[A function~;Functions~] without a name that ~:*~:[was~;were~] compiled for what it takes now may go on to store that until the form that makes ~:*~:[it~;them~] is loaded again: ~a."
            (rest labels) (narrow-users-text labels))))

(defun included-structure (description)
  "The name of the structure that the one of DESCRIPTION includes; NIL when it includes none."
  (let* ((class (find-class (structure-name description) nil))
         (super (and class (first (sb-mop:class-direct-superclasses class)))))
    (and super (not (eq (class-name super) 'structure-object)) (class-name super))))

(defun type-representation (type)
  "How a slot of TYPE is stored: one of the types of *RAW-SLOT-TYPES*, :UNTAGGED or :TAGGED; :UNKNOWN where that depends on the user's types."
  (flet ((within-p (other) (handler-case (subtypep type other) (error () nil))))
    (cond ((not (plain-type-p type)) :unknown)
          ((within-p *untagged-slot-types*) :untagged)
          ((find-if #'within-p *raw-slot-types*))
          (t :tagged))))

(defun plain-type-p (type)
  "Whether no type of the user's but classes is named in TYPE, a specifier, so that looking at it runs none of his code."
  (typecase type
    (null t)
    (symbol (and (symbol-package type)
                 (or (system-package-p (symbol-package type))
                     (and (find-class type nil) (not (information type :type :expander))))))
    ((cons symbol list)
     (case (first type)
       ((member eql) (null (cdr (last type))))
       (satisfies nil)
       (t (and (plain-type-p (first type))
               (every (lambda (part) (or (realp part) (eq part '*) (plain-type-p part))) (rest type))))))
    (t nil)))

(defun type-of-text (text package)
  "The type specifier that TEXT spells, or something that PLAIN-TYPE-P refuses."
  (let ((parts (split-list-text text)))
    (if (consp parts)
        (loop for part in parts
              collect (if (char= (char part 0) #\()
                          (type-of-text part package)
                          (multiple-value-bind (number float) (number-of-text part)
                            (cond (float (coerce number float))
                                  (number number)
                                  (t (literal-value part package))))))
        (literal-value text package))))

(defun slot-type (text package &optional (options #'cddr))
  "The type of the slot that TEXT, in a structure's definition, describes. OPTIONS takes the options from the parts of TEXT."
  (let* ((parts (split-list-text text))
         (type (and (consp parts)
                    (loop for (key value) on (funcall options parts) by #'cddr
                          when (equal (resolve-symbol key package) :type) return value))))
    (if type (type-of-text type package) t)))

(defun widened-p (old new)
  "Whether a slot of the type NEW surely takes values that one of the type OLD does not."
  (and (not (equal old new)) (plain-type-p old) (plain-type-p new)
       (multiple-value-bind (within certain) (handler-case (subtypep new old) (error () (values t t)))
         (and certain (not within)))))

(defun stored-otherwise-p (old new)
  "Whether the slots of the types NEW are surely laid out otherwise than those of the types OLD."
  (let ((before (mapcar #'type-representation old)) (after (mapcar #'type-representation new)))
    (labels ((raw-p (representation) (not (keywordp representation)))
             (layout (representations)
               (cond ((every (lambda (each) (eq each :untagged)) representations) :nothing)
                     ((some #'raw-p representations) (mapcar (lambda (each) (eq each :tagged)) representations)))))
      (and (notany (lambda (each) (eq each :unknown)) (append before after))
           (or (some (lambda (a b) (and (or (raw-p a) (raw-p b)) (not (equal a b)))) before after)
               (not (equal (layout before) (layout after))))))))

;;;; Taking back

(defun widened-structures (deltas state)
  "The names of the structures in DELTAS whose slots may take values that they do not take now once they are in the state that STATE, a reader,
returns."
  (flet ((narrowed-p (old new)
           (or (equal old new)
               (and (plain-type-p old) (plain-type-p new) (handler-case (subtypep new old) (error () nil))))))
    (loop for delta in deltas
          for target = (and (eq (delta-kind delta) :class) (funcall state delta))
          for parts = (and (typep target 'class-state) (class-state-parts target))
          for current = (and (eq (car parts) :structure) (find-structure-description (delta-name delta) nil))
          unless (or (null current)
                     (every #'narrowed-p (mapcar #'structure-slot-type (structure-slots current))
                            (mapcar #'structure-slot-type (structure-slots (cdr parts)))))
            collect (delta-name delta))))
