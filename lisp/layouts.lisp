;;;; Slots that move. SBCL gives a class its new layout before it says there which slots it has, and slot definitions that a thread holds
;;;; speak of places in the layout before: instances made or changed at that moment get too few slots, and values end up in others' places.

(in-package :hotlisp)

(defun class-and-subclasses (class)
  (let ((classes '()))
    (labels ((visit (class)
               (unless (member class classes)
                 (push class classes)
                 (mapc #'visit (sb-mop:class-direct-subclasses class)))))
      (visit class))
    (remove-if-not #'sb-mop:class-finalized-p classes)))

(defun same-places-p (old new)
  "Whether the effective slot definitions NEW say that slots are where OLD ones say."
  (equal (mapcar #'slot-place old) (mapcar #'slot-place new)))

(defun slot-place (slot)
  (cons (sb-mop:slot-definition-name slot) (sb-mop:slot-definition-allocation slot)))

(defun reach-slots-by-name (class)
  "Have who holds the present slot definitions of CLASS reach slots by their names, wherever these will be. What is written to one that is gone
is dropped, as it is when an instance is brought up to its class."
  (dolist (slot (sb-mop:class-slots class))
    (let ((name (sb-mop:slot-definition-name slot)) (info (slot-definition-info slot)))
      ;; Where the user's methods or metaclass have a say there is no place, and SBCL itself comes here with the name.
      (when (car (find-slot-cell (class-layout class) name))
        (setf (slot-info-reader info) (lambda (instance) (slot-value instance name))
              (slot-info-writer info) (lambda (value instance)
                                        (when (slot-exists-p instance name) (setf (slot-value instance name) value)))
              (slot-info-boundp info) (lambda (instance)
                                        (and (slot-exists-p instance name) (slot-boundp instance name))))
        (set-slot-unbinder info (lambda (instance)
                                  (when (slot-exists-p instance name) (slot-makunbound instance name))
                                  instance))))))

(defvar *moving-slots* nil "True inside CALL-MOVING-SLOTS.")

(defun direct-slots-differ-p (class superclasses slots)
  "Whether defining CLASS with SUPERCLASSES, names, and SLOTS, property lists, is likely to move slots."
  (not (and (equal (mapcar #'slot-place (sb-mop:class-direct-slots class))
                   (loop for slot in slots collect (cons (getf slot :name) (getf slot :allocation :instance))))
            (or (null superclasses)
                (equal superclasses (mapcar #'class-name (sb-mop:class-direct-superclasses class)))))))

(defun call-moving-slots (function &optional likely)
  "Call FUNCTION, which defines classes again; the slots of LIKELY, classes, and of their subclasses are likely to move. Where slots move, threads that make
instances, or change their classes, wait meanwhile; and no instance is brought up to its class before every thread is done with what it had begun to
read or write in it as it was."
  (if (or *moving-slots* (not (capability :moving-slots)))
      (funcall function)
      (let ((*moving-slots* t) (moving '()) (making nil))
        (labels ((prepare (classes)
                   (let ((classes (set-difference (remove-duplicates (mapcan #'class-and-subclasses classes)) moving)))
                     (mapc #'reach-slots-by-name classes)
                     (setf moving (append classes moving))
                     classes)))
          (call-with-gates
           (lambda (close-updating)
             ;; Before the lock is taken for which those wait who have begun to bring one up to its class; and before SBCL flushes the layout of a class
             ;; whose instances share slots: who comes to the gate from a function that knows a place in it goes on there with that place.
             (when likely
               (funcall close-updating (list *layout-checker*))
               (prepare likely)
               (settle))
             (multiple-value-prog1
                 (call-with-gates
                  (lambda (close-making)
                    (call-preparing-slots
                     (lambda (class)
                       (let ((first (not making)))
                         (when first
                           (setf making t)
                           (unless likely (funcall close-updating (list *layout-checker*)))
                           (funcall close-making *instance-makers*))
                         (when (or (prepare (list class)) first) (settle))))
                     function)))
               (when making (settle)))))))))

(defun call-preparing-slots (prepare function)
  "Call FUNCTION, and PREPARE with each class whose slots are about to move in it."
  (let ((thread sb-thread:*current-thread*))
    (with-replacements (replace-function)
      (replace-function *slots-updater*
                        (lambda (update class slots)
                          (when (and (eq thread sb-thread:*current-thread*)
                                     (sb-mop:class-finalized-p class)
                                     (not (same-places-p (sb-mop:class-slots class) slots)))
                            (funcall prepare class))
                          (funcall update class slots)))
      (funcall function))))
